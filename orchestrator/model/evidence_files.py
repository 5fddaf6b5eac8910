"""The files that the examination of a guest leaves beside an attempt, or beside the guest that did not boot."""

from __future__ import annotations

EVIDENCE = "evidence.txt"
SYSRQ = "sysrq.txt"
POSTMORTEM = "postmortem.txt"
DUMP = "memory.kdump"
FILES = (EVIDENCE, SYSRQ, POSTMORTEM, DUMP)
