"""A read-only web application on the history, and the same pages as files."""
