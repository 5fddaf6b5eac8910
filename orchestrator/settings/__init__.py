"""Settings: what a user, a tree or an environment chooses once instead of giving the same options each time."""
