"""Text -> values: mails, diffs, kconfig, KTAP, kernel reports. Pure."""
