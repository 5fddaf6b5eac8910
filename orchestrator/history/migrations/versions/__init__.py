"""One module for each revision, in their order. A test compares what they make to schema.py."""
