"""The history of runs: rows in SQLite or PostgreSQL, and the questions that are asked of them."""
