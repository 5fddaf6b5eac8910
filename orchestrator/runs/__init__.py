"""A run on the disk: what it leaves in its directory, and what such a record cannot say."""
