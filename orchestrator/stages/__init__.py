"""The stages, one file each: a function from one frozen value to the next."""
