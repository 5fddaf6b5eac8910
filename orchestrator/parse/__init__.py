"""Text -> values, a folder for each subject. Pure."""
