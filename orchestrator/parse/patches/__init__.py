"""Mails and diffs -> patches and series."""
