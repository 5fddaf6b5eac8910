"""Other machines by HTTP: what is fetched from them, and what is sent to those that take results."""
