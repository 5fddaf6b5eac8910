"""Kconfig, .config and Makefiles: what is set, what is compiled, and what would be."""
