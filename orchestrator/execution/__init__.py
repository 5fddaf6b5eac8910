"""Who does the jobs, and how many at a time."""
