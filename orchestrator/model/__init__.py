"""The values that flow between stages. Frozen, with tuples for sequences; importing nothing of ours but one another.

Units are in the names: `_s` seconds, `_mib` mebibytes. Times called `at_s` are host-monotonic.
"""
