"""Writes of members of VMAs without the VMA's write lock: where they are looked for, and what is said of them."""
