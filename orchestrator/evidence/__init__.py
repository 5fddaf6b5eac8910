"""What explains a failure: source lines, symbols, the post-mortem of a guest's memory."""
