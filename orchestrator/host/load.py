"""How busy the host's CPUs were with other work: on a busy host fewer races occur and limits are reached sooner."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
# Of the first line's columns (proc(5)): user, nice, system, irq, softirq, steal. Guests are part of user.
BUSY = (1, 2, 3, 6, 7, 8)


@dataclass(frozen=True)
class HostTime:
    """The host's clocks at one moment, in seconds; `busy_s` and `own_s` are CPU time, over all CPUs.

    `own_s` is that of this process and of the children that it has waited for: read it after QEMU and make have ended.
    """

    wall_s: float
    busy_s: float
    own_s: float

    def lost_s(self, later: HostTime) -> float:
        """CPU time that others used until `later`, in seconds per CPU."""
        others_s = (later.busy_s - self.busy_s) - (later.own_s - self.own_s)
        return max(0.0, others_s) / (os.cpu_count() or 1)  # all, not ours alone: /proc/stat counts all


def clocks_now() -> HostTime:
    """The clocks now. Without /proc/stat no other work is ever seen."""
    own = os.times()
    own_s = own.user + own.system + own.children_user + own.children_system
    try:
        columns = STAT.read_text().split("\n", 1)[0].split()
        busy_s = sum(int(columns[number]) for number in BUSY) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        busy_s = own_s
    return HostTime(time.monotonic(), busy_s, own_s)
