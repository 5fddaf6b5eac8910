"""The command line as data: options in groups, commands made of groups, and what is made of both: argparse's parser."""
