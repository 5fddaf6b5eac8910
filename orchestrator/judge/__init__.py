"""Values -> findings, comparisons and the verdict."""
