"""A run on the disk: the record in its directory, and the checks when it is loaded."""
