"""All settings. A new one is a field here; code reads it from `args.settings`, or from its option.

An untrusted tree's file may choose among what is there (a revision of itself, names of ours). It may not name places,
servers or amounts: those decide what is written, where, whom we talk to and how much of the host is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

PREFIX = "ORCHESTRATE_"
OTHERS = frozenset({"ORCHESTRATE_ROOT", "ORCHESTRATE_SABOTAGE"})  # of roots.py, and of the tests of test cases


@dataclass(frozen=True)
class Key:
    """`option` is the attribute that argparse has for it, if there is an option. `default` is for people."""

    about: str
    default: str
    option: str = ""
    by_tree: bool = False


def _key(about: str, default: str, *, option: str = "", by_tree: bool = False) -> Any:
    return field(default=None, metadata={"key": Key(about, default, option, by_tree)})


@dataclass(frozen=True)
class Settings:
    """The keys of a file, and their values. None: not set."""

    tree: str | None = _key("the git tree that has the base", "none: Debian's source package", option="tree")
    base: str | None = _key("what patches apply to", "linux-source-6.12; HEAD of a tree", option="base", by_tree=True)
    kconfigs: tuple[str, ...] | None = _key("the kernels to test", "base", option="kconfig", by_tree=True)
    toolchains: tuple[str, ...] | None = _key("the compilers of the kernels", "gcc", option="toolchain")
    arches: tuple[str, ...] | None = _key(
        "the architectures of the kernels", "that of the machine, else x86_64", option="arch", by_tree=True
    )
    testcases: tuple[str, ...] | None = _key(
        "the test cases to run", "all that the kconfig has the needs of", option="testcase", by_tree=True
    )
    sandbox: bool | None = _key(
        "run what a patch brings of programs confined", "where bubblewrap works", option="sandbox"
    )
    machine: str | None = _key("QEMU's machine", "the one of the architecture", option="machine", by_tree=True)
    accel: Literal["auto", "kvm", "tcg"] | None = _key("QEMU's accelerator", "auto", option="accel")
    executor: str | None = _key("who builds and boots: local, or dask://HOST:PORT", "local", option="executor")
    jobs: int | None = _key("guests at a time", "as many as the host has CPUs and memory for", option="jobs")
    color: Literal["auto", "always", "never"] | None = _key("when to use colour", "auto", option="color")
    archive: str | None = _key(
        "the mail archive where message ids are looked up", "https://lore.kernel.org/all", option="archive"
    )
    cache: str | None = _key("where kernels and products are kept", "$XDG_CACHE_HOME/orchestrate")
    history: str | None = _key(
        "the history of runs: a file, or postgresql://HOST/DATABASE", "$XDG_STATE_HOME/orchestrate/history.db",
        option="history",
    )  # fmt: skip
    cache_budget: str | None = _key("what `orchestrate clean` leaves of it at most", "no limit", option="max_size")
    ci_name: str | None = _key("what other systems call you", "orchestrate", option="ci_name")
    location: str | None = _key("where others find run directories", "nowhere", option="location")
    kcidb_server: str | None = _key("the server that takes KCIDB documents", "none", option="kcidb_server")
    kcidb_token: str | None = _key("the file that has its token, or $VARIABLE", "none")
    patchwork_server: str | None = _key("the patchwork where checks are made", "none", option="patchwork_server")
    patchwork_project: str | None = _key("the patches' project there", "any", option="patchwork_project")
    patchwork_token: str | None = _key("the file that has its token, or $VARIABLE", "none")
    squad_server: str | None = _key("the SQUAD server", "none", option="squad_server")
    squad_project: str | None = _key("GROUP/PROJECT there", "none", option="squad_project")
    squad_token: str | None = _key("the file that has its token, or $VARIABLE", "none")
    plain_http: Literal["loopback", "anywhere"] | None = _key(
        "where tokens and results are sent, and patches fetched, without TLS", "loopback"
    )


KEYS: Mapping[str, Key] = {entry.name: entry.metadata["key"] for entry in fields(Settings)}
FROM_TREE = tuple(name for name, key in KEYS.items() if key.by_tree)


def variable(name: str) -> str:
    """ORCHESTRATE_KCONFIGS for kconfigs."""
    return f"{PREFIX}{name.upper()}"
