"""report.html: a run on one page that needs no server, no network and no script."""
