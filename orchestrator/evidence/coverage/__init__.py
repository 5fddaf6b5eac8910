"""Did it run? The changed statements of a series, the instructions made of them, and what cases hit."""
