"""Git plumbing for kernel trees: bases, worktrees, applied trees."""
