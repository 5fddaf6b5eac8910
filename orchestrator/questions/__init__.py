"""Policies: which jobs answer what the user asked."""
