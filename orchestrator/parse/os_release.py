"""/etc/os-release -> the family of the distribution, which decides how its packages are installed. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """`update` and `install` are commands for root, `install` without the packages, both without questions. `by_hand`
    is what a user would type."""

    name: str
    by_hand: tuple[str, ...]
    install: tuple[str, ...]
    update: tuple[str, ...] = ()


_APT = ("apt-get", "install", "--no-install-recommends")
FAMILIES = {
    family.name: family
    for family in (
        Family("debian", _APT, (*_APT, "-qq", "-y"), ("apt-get", "-qq", "update")),
        Family("fedora", ("dnf", "install"), ("dnf", "install", "--quiet", "--assumeyes")),
        Family("arch", ("pacman", "-S", "--needed"), ("pacman", "-S", "--needed", "--noconfirm")),
        Family("suse", ("zypper", "install"), ("zypper", "--non-interactive", "install", "--no-recommends")),
    )
}
_NAMES = {
    "ubuntu": "debian",
    "rhel": "fedora",
    "centos": "fedora",
    "archlinux": "arch",
    "opensuse": "suse",
    "sles": "suse",
}


def family_of(os_release: str) -> Family | None:
    """By ID, then by ID_LIKE (os-release(5)); None for a distribution of no known family."""
    said = dict(re.findall(r"^(ID|ID_LIKE)=(.*)$", os_release, re.MULTILINE))
    for word in (*_words(said.get("ID", "")), *_words(said.get("ID_LIKE", ""))):
        start = word.split("-")[0]  # opensuse-tumbleweed
        for name in (word, start):
            if (known := _NAMES.get(name, name)) in FAMILIES:
                return FAMILIES[known]
    return None


def _words(value: str) -> list[str]:
    try:
        return [word for part in shlex.split(value) for word in part.lower().split()]
    except ValueError:  # a quotation without end
        return []
