"""Limits of cgroups as real hosts and containers show them."""

from __future__ import annotations

import math
import os

import pytest

from orchestrator.host import resources
from orchestrator.host.resources import CgroupLimits, limits

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:12 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:14 - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:18 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:20 - cgroup2 cgroup2 rw,nsdelegate
"""
V1_SELF = "9:name=systemd:/a\n8:pids:/a\n4:memory:/docker/b3aa\n2:cpu,cpuacct:/docker/b3aa\n0::/\n"
NO_LIMIT = "9223372036854771712\n"


def found(files: dict[str, str]) -> CgroupLimits:
    return limits(lambda path: files.get(path, ""))


@pytest.mark.parametrize(
    ("own", "parent", "expected"),
    [
        ("max 100000\n", "max 100000\n", math.inf),
        ("150000 100000\n", "max 100000\n", 1.5),
        ("max 100000\n", "400000 100000\n", 4.0),
        ("800000 100000\n", "50000 20000\n", 2.5),
        ("", "", math.inf),  # the root has no such file
        ("nonsense\n", "1 0\n", math.inf),
    ],
)
def test_v2_the_tightest_of_ours_and_our_parents(own: str, parent: str, expected: float) -> None:
    service = "/sys/fs/cgroup/system.slice/ci.service"
    files = {
        "/proc/self/cgroup": "0::/system.slice/ci.service\n",
        "/proc/self/mountinfo": V2_MOUNT,
        f"{service}/cpu.max": own,
        "/sys/fs/cgroup/system.slice/cpu.max": parent,
        f"{service}/memory.max": "max\n",
        "/sys/fs/cgroup/system.slice/memory.max": "2147483648\n",
    }
    assert found(files) == CgroupLimits(expected, 2 << 30)


def test_v2_in_a_container_the_mount_is_our_own_cgroup() -> None:
    files = {
        "/proc/self/cgroup": "0::/\n",
        "/proc/self/mountinfo": V2_MOUNT,
        "/sys/fs/cgroup/cpu.max": "200000 100000\n",
        "/sys/fs/cgroup/memory.max": "536870912\n",
    }
    assert found(files) == CgroupLimits(2.0, 512 << 20)


def test_v2_of_the_host_bound_into_a_container() -> None:
    files = {
        "/proc/self/cgroup": "0::/kubepods/pod1/c2\n",
        "/proc/self/mountinfo": V2_MOUNT.replace("0:26 /", "0:26 /kubepods/pod1/c2"),
        "/sys/fs/cgroup/cpu.max": "100000 100000\n",
    }
    assert found(files).cpus == 1.0


def test_outside_of_our_cgroup_namespace_what_is_mounted_counts() -> None:
    files = {
        "/proc/self/cgroup": "0::/../../other\n",
        "/proc/self/mountinfo": V2_MOUNT,
        "/sys/fs/cgroup/cpu.max": "300000 100000\n",
    }
    assert found(files).cpus == 3.0


def test_v1_and_both_at_once() -> None:
    files = {
        "/proc/self/cgroup": V1_SELF,
        "/proc/self/mountinfo": V1_MOUNTS,
        "/sys/fs/cgroup/cpu,cpuacct/docker/b3aa/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/b3aa/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us": "250000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/docker/b3aa/memory.limit_in_bytes": "1073741824\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT,
    }
    assert found(files) == CgroupLimits(2.5, 1 << 30)


def test_a_mount_point_with_a_space() -> None:
    files = {
        "/proc/self/cgroup": "0::/\n",
        "/proc/self/mountinfo": V2_MOUNT.replace("/sys/fs/cgroup", r"/my\040cgroup"),
        "/my cgroup/cpu.max": "100000 100000\n",
    }
    assert found(files).cpus == 1.0


def test_a_host_without_cgroups_has_no_limit() -> None:
    assert found({}) == CgroupLimits()


@pytest.mark.parametrize(("quota", "expected"), [(math.inf, 8), (1.5, 2), (0.2, 1), (64.0, 8)])
def test_part_of_a_cpu_is_used_too(monkeypatch: pytest.MonkeyPatch, quota: float, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(resources, "limits", lambda _: CgroupLimits(quota))
    assert resources.cpus() == expected


@pytest.mark.parametrize(("limit", "expected"), [(math.inf, 4096), (1 << 30, 1024)])
def test_memory_is_what_is_free_and_allowed(monkeypatch: pytest.MonkeyPatch, limit: float, expected: int) -> None:
    monkeypatch.setattr(resources, "_read", lambda _: "MemTotal: 9 kB\nMemAvailable:    4194304 kB\n")
    monkeypatch.setattr(resources, "limits", lambda _: CgroupLimits(memory=limit))
    assert resources.available_memory_mib() == expected
