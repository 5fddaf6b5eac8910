"""Results on their way to others: servers of kernel CI, and the authors of a series. Nothing is sent unasked."""
