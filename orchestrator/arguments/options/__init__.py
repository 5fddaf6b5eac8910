"""The options, in the groups in which --help shows them. A group that several commands share is here once."""
