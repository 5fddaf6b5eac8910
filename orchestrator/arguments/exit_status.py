"""What the exit statuses of commands mean."""

from __future__ import annotations

Statuses = tuple[tuple[int, str], ...]

REQUEST = (2, "the request is wrong")
HOST = (3, "the host or a tool is at fault")
INTERRUPTED = (130, "interrupted")
CONTINUES = (130, "interrupted; the same command continues")

USUAL: Statuses = ((0, "success"), REQUEST, HOST)
KERNEL: Statuses = ((0, "success"), (1, "the patch is at fault"), REQUEST, HOST, INTERRUPTED)
VERDICT: Statuses = (
    (0, "nothing regressed"),
    (1, "the patch is at fault"),
    REQUEST,
    (3, "the host or a tool is at fault, or there is no verdict"),
    CONTINUES,
)
