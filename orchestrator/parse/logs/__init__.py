"""Kernel logs -> kernel reports, and what they name."""
