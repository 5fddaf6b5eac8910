"""From the tables of one version to those of the next: alembic revisions, run by database.py."""
