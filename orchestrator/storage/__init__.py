"""What stays on the disk between runs: products under digests, records with a schema number, and what may
be removed."""
