"""Text to values: patches, kconfig, KTAP, kernel reports, taint, comparison. No I/O but our own data files."""
