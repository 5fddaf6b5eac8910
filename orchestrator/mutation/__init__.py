"""Mutants made from the lines that a series changes: C text -> tokens -> statements -> edits -> mutants. Pure."""
