"""What is said while a command works."""

from __future__ import annotations

from orchestrator.arguments.command import Group, switch

MESSAGES = Group("messages", (switch("-v", "--verbose", help="print every command that runs"),))
