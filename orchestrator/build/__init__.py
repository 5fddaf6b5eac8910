"""From a tree to a kernel and the programs of a guest."""
