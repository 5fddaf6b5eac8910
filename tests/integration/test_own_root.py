"""A root of the user's own over ours: entries are added, namesakes win, what is wrong in it is the request's fault."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.build.programs import programs
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import BadDeclaration, CaseDoesNotCompile, CommandFailed, Fault, UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import AppliedTree, Base
from orchestrator.parse.logs.kernel_report import scan
from tests.integration.conftest import GOOD, Cli

MAIN = '#include "case.h"\nint main(int argc, char **argv)\n{\n\treturn case_main(argc, argv, 0, 0);\n}\n'
KIND = """\
kind = "sprocket"
priority = 9999
outcome = "fail"
start = ['sprocket: tooth \\d+ is missing']
titles = ["sprocket lost a tooth"]
is_plain = true
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own root with nothing but what a test puts there."""
    path = tmp_path / "root"
    path.mkdir()
    monkeypatch.setenv("ORCHESTRATE_ROOT", str(path))
    return path


def add_case(root: Path, name: str, main: str, summary: str = "mine") -> None:
    case = root / "testcases" / name
    case.mkdir(parents=True)
    (case / "main.c").write_text(main)
    (case / "testcase.yaml").write_text(f"summary: {summary}\nsources: [main.c]\n")


def compiled(tmp_path: Path, *names: str) -> str:
    catalog = load_catalog()
    context = Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda _: None)
    base = Base("b", "c", "b", tmp_path / "base")
    cases = [catalog.case(name) for name in names]
    return programs(context, cases, AppliedTree(base, "t", ()), find_toolchain(context).value).note


def test_the_cases_of_one_directory_are_compiled_once(root: Path, tmp_path: Path) -> None:
    add_case(root, "mine", MAIN)
    with (root / "testcases/mine/testcase.yaml").open("a") as declared:
        declared.write("cases: {one: {args: [--only, one]}, two: {args: [--only, two]}}\n")
    assert compiled(tmp_path, "mine.one", "mine.two") == "2 programs compiled"  # theirs, and the guest's supervisor


def test_everything_of_ours_is_still_there_and_the_users_wins_by_name(root: Path) -> None:
    (root / "kconfigs").mkdir()
    (root / "patches").mkdir()
    add_case(root, "mine", MAIN)
    add_case(root, "uffd", MAIN, "not yours any more")
    (root / "kconfigs/mine.config").write_text("CONFIG_KALLSYMS=y\n")
    (root / "kconfigs/kasan.config").write_text("CONFIG_FOO=y\n")
    (root / "patches/mine.patch").write_text(GOOD)
    known = load_catalog()
    assert {"mine", "uffd", "split-merge"} <= set(known.testcases)
    assert known.case("uffd").summary == "not yours any more"
    assert [fragment.name for fragment in known.kconfig("mine").fragments] == ["base", "mine"]
    assert known.fragments["kasan"].symbols == (("CONFIG_FOO", "y"),)
    assert {"mine", "vm_refcnt"} <= set(known.patches)


def test_an_empty_root_takes_nothing_away(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_empty = load_catalog()
    monkeypatch.delenv("ORCHESTRATE_ROOT")
    assert with_empty.testcases == load_catalog().testcases


def test_a_root_that_is_not_there_is_the_requests_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATE_ROOT", "/nonexistent")
    with pytest.raises(UsageError, match="ORCHESTRATE_ROOT /nonexistent: no such directory"):
        load_catalog()


def test_a_case_without_a_harness_of_its_own_is_linked_with_ours(root: Path, tmp_path: Path) -> None:
    add_case(root, "mine", MAIN)
    compiled(tmp_path, "mine")


def test_a_case_of_the_users_that_does_not_compile_is_the_requests_fault(root: Path, tmp_path: Path) -> None:
    add_case(root, "mine", "int main(void) { return nonsense; }\n")
    with pytest.raises(CaseDoesNotCompile, match=r"case mine does not compile: .*main\.c:1:\d+: .*nonsense") as caught:
        compiled(tmp_path, "mine")
    assert caught.value.fault is Fault.USER
    assert "nonsense" in caught.value.detail


def test_a_compiler_that_the_host_lets_down_is_not_the_cases_fault(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcc = tmp_path / "bin/gcc"
    gcc.parent.mkdir()
    gcc.write_text('#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/gcc "$@"\n'
                   'echo "cannot write: No space left on device" >&2; exit 1\n')  # fmt: skip
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gcc.parent}:{os.environ['PATH']}")
    add_case(root, "mine", "int main(void) { return 0; }\n")
    with pytest.raises(CommandFailed):
        compiled(tmp_path, "mine")


def test_a_kind_of_kernel_report_of_the_users_is_found(root: Path) -> None:
    log = b"[    1.000000] sprocket: tooth 7 is missing\n"
    (root / "kernel_reports").mkdir()
    (root / "kernel_reports/sprocket.toml").write_text(KIND)
    assert [report.title for report in scan(log)] == ["sprocket lost a tooth"]


def test_a_wrong_kind_of_kernel_report_is_known_before_anything_runs(cli: Cli, root: Path) -> None:
    (root / "kernel_reports").mkdir()
    (root / "kernel_reports/warning.toml").write_text("kind = 'warning'\n")
    result = cli("list", "kconfigs", env={"ORCHESTRATE_ROOT": str(root)})
    assert result.returncode == 2
    assert "orchestrate: warning.toml: priority is missing" in result.stderr


@pytest.mark.parametrize("name", ["kconfigs/mine.config", "kernel_reports/mine.toml", "testcases/mine/testcase.yaml"])
def test_a_declaration_that_is_no_text_is_named(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadDeclaration, match=str(root / name.partition("/")[0])):
        load_catalog()
