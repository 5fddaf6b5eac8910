"""The command that runs one test again names the kernel that failed, wherever its base lies."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.reporters.rerun import rerun_elsewhere, rerun_here
from tests.run_reports import CRASHED, suite

COMMIT = "0123456789ab" + "c" * 28
SUITE = suite(CRASHED)


def of(facts: KernelFacts, **values: object) -> str:
    return rerun_here(replace(SUITE, facts=facts, **values), CRASHED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base", "tree"),
    [
        ("/src/linux 0123456789ab", "/src/linux"),
        ("/src/linux mm-unstable (0123456789ab)", "/src/linux"),
        ("/home/me/my linux v6.12 (0123456789ab)", "/home/me/my linux"),
        ("/home/me/my linux 0123456789ab", "/home/me/my linux"),
    ],
)
def test_a_tree_is_named_as_a_whole(base: str, tree: str) -> None:
    asked = parser().parse_args(shlex.split(of(KernelFacts(base=base, commit=COMMIT)))[1:])
    assert (asked.tree, asked.base) == (Path(tree), COMMIT)


def test_another_architecture_and_compiler_are_named() -> None:
    facts = KernelFacts(base="linux-source-6.12 6.12.117-1", arch="arm64", toolchain="/opt/my clang")
    asked = parser().parse_args(shlex.split(of(facts))[1:])
    assert asked.base == "linux-source-6.12"
    assert (asked.arch, asked.toolchain) == (["arm64"], ["/opt/my clang"])
    usual = of(KernelFacts(arch="x86_64", toolchain="gcc"))
    assert "--arch" not in usual
    assert "--toolchain" not in usual


def test_a_kconfig_that_is_a_file_is_named_by_its_path() -> None:
    mine, whole = "/home/me/my own.config", "/boot/config-6.12.57+deb12-amd64"
    facts = KernelFacts(kconfig_files=(whole, mine))
    named = {"kconfig": "config-6-12-57-deb12-amd64+debug+my-own", "facts": facts}
    assert parser().parse_args(shlex.split(of(**named))[1:]).kconfig == [f"{whole}+debug+{mine}"]
    [words] = rerun_elsewhere(replace(SUITE, **named), CRASHED, "1@x.example")
    assert words[words.index("--kconfig") + 1] == "./config-6.12.57+deb12-amd64+debug+./my own.config"


def test_what_the_kernel_was_is_asked_for_again() -> None:
    assert " patches " not in of(KernelFacts(), role=Role.BASELINE)
    assert "--each-patch" in of(KernelFacts(), role=Role.PER_PATCH)


def test_directories_of_this_machine_are_not_told_to_others() -> None:
    facts = KernelFacts(base="/home/me/my linux 0123456789ab", commit=COMMIT, toolchain="/opt/clang-22")
    [words] = rerun_elsewhere(replace(SUITE, facts=facts), CRASHED, "1@x.example")
    assert words[:7] == ["orchestrate", "test", "1@x.example", "--tree", "LINUX", "--base", "0123456789ab"]
    assert not any("/" in word for word in words)


UNDER = "fedcba987654" + "d" * 28
REQUIRED = " with 2 patches that the series requires"


def test_no_command_names_a_base_that_only_we_have() -> None:
    """With what the series requires the base is a commit of our store. Its mails name what is below it, as long as no
    --base says otherwise."""
    facts = KernelFacts(base=f"/home/me/linux mm-unstable (fedcba987654){REQUIRED}", commit=COMMIT, under=UNDER)
    assert of(facts) == ""
    before, words = rerun_elsewhere(replace(SUITE, facts=facts), CRASHED, "1@x.example")
    assert before == ["git", "-C", "LINUX", "checkout", "--detach", "fedcba987654"]
    assert words[:6] == ["orchestrate", "test", "1@x.example", "--tree", "LINUX", "--kconfig"]

    facts = KernelFacts(base=f"linux-source-6.12 6.12.117-1{REQUIRED}", commit=COMMIT, under=UNDER)
    [words] = rerun_elsewhere(replace(SUITE, facts=facts), CRASHED, "1@x.example")
    assert words[:4] == ["orchestrate", "test", "1@x.example", "--kconfig"]
