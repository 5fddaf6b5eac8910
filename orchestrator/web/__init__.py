"""HTTP: downloads, and requests to servers that accept results."""
