"""Reporters of a run's results, one module each: files (json_report, junit), terminal, progress."""
