"""What test programs print -> results."""
