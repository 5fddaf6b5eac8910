"""Who writes what a run found out, one module each: files (json_report, junit), terminal, progress."""
