"""orchestrate: from a Linux mm patch to a verdict with evidence."""

__version__ = "0.1.0"
