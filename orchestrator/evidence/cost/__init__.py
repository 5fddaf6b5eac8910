"""What a series costs: two builds -> how they differ."""
