"""How many CPUs and how much memory we may use: those of the host, limited by our cgroup and its parents.

In a container /proc/cpuinfo and the affinity mask show all CPUs of the host, of which a quota allows a share. This
reads cgroup v2 (cpu.max, memory.max), v1 (cpu.cfs_quota_us, memory.limit_in_bytes) and both at once. `limits` is pure
but for `read`, which its caller provides.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

Read = Callable[[str], str]  # the text of a file by its absolute path; empty when it cannot be read
MOUNT = re.compile(
    r"^\d+ \d+ \S+ (?P<root>\S+) (?P<point>\S+) .*? - (?P<type>cgroup2?) \S+ (?P<options>\S+)$", re.MULTILINE
)
OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes spaces
AVAILABLE = re.compile(r"^MemAvailable:\s+(?P<kib>\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class CgroupLimits:
    """What cgroups allow: CPUs (1.5 is one and a half) and bytes of memory. Infinite where they do not say."""

    cpus: float = math.inf
    memory: float = math.inf


def cpus() -> int:
    """CPUs that we may keep busy. A quota of 1.5 is two CPUs, the second of which is throttled half of the time."""
    return max(1, math.ceil(min(len(os.sched_getaffinity(0)), limits(_read).cpus)))


def available_memory_mib() -> int:
    """Memory that can still be had without swapping, and that our cgroups allow at all."""
    match = AVAILABLE.search(_read("/proc/meminfo"))
    available = int(match["kib"]) << 10 if match else math.inf
    memory = min(available, limits(_read).memory)
    return int(memory) >> 20 if memory < math.inf else 0


def limits(read: Read) -> CgroupLimits:
    """The tightest limits of our own cgroups and of all their parents that can be seen."""
    quotas, sizes = [math.inf], [math.inf]
    mounts = list(MOUNT.finditer(read("/proc/self/mountinfo")))
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in mounts:
            if not _is_of(mount, controllers):
                continue
            for directory in _up(_unescaped(mount["point"]), _unescaped(mount["root"]), path):
                quotas += _cpu_max(read(f"{directory}/cpu.max"))
                quotas += _cfs(read(f"{directory}/cpu.cfs_quota_us"), read(f"{directory}/cpu.cfs_period_us"))
                sizes += _size(read(f"{directory}/memory.max"))
                sizes += _size(read(f"{directory}/memory.limit_in_bytes"))
    return CgroupLimits(min(quotas), min(sizes))


def _is_of(mount: re.Match[str], controllers: str) -> bool:
    """Whether a hierarchy is that of a line of /proc/self/cgroup: v2's line names no controller."""
    if mount["type"] == "cgroup2":
        return not controllers
    return not {"cpu", "memory"}.isdisjoint(controllers.split(",")) and set(controllers.split(",")) <= set(
        mount["options"].split(",")
    )


def _up(point: str, root: str, path: str) -> Iterator[str]:
    """The directories of a cgroup and its parents below a mount point.

    `root` is what of the hierarchy is mounted there: in a container often the cgroup itself.
    """
    below = PurePosixPath(path)
    relative = below.relative_to(root) if below.is_relative_to(root) else PurePosixPath()
    if ".." in relative.parts:  # we are outside of our cgroup namespace
        relative = PurePosixPath()
    at = PurePosixPath(point)
    yield str(at)
    for part in relative.parts:
        at /= part
        yield str(at)


def _unescaped(text: str) -> str:
    return OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


def _cpu_max(text: str) -> list[float]:
    """`150000 100000`: microseconds of CPU time in each period; `max` is no limit."""
    match text.split():
        case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
            return [int(quota) / int(period)]
    return []


def _cfs(quota: str, period: str) -> list[float]:
    """-1 is no limit."""
    return _cpu_max(f"{quota} {period}")


def _size(text: str) -> list[float]:
    """Bytes; `max` is no limit, and v1's huge number is none in effect."""
    return [int(text)] if text.strip().isdecimal() else []


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
