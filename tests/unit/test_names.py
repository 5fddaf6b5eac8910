"""Names of cases, kconfigs and mutants meet no name of ours, in a report or on a disk."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from orchestrator import errors
from orchestrator.declarations import catalog
from orchestrator.declarations.names import RESERVED, STAGES
from orchestrator.declarations.patches import read_mutants
from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel import Role
from orchestrator.model.report import HOST_TESTS
from tests.unit.test_mutant import DIFF, HEADER

OURS = ["boot", "build", "patched", "baseline", "cases", "logs", "stages", "patch-3", "guest-0"]
UGLY = ["-x", "_", ".hidden", "two words", "a:b", "caf\u00e9", "a\nb"]
CASE = "summary: x\nsources: [main.c]\n"


def declare(root: Path, directory: str, text: str = CASE) -> None:
    case = root / "testcases" / directory
    case.mkdir(parents=True)
    (case / "main.c").write_text("int main(void) { return 0; }\n")
    (case / "testcase.yaml").write_text(text)


@pytest.mark.parametrize("name", [*OURS, *UGLY, "a..b", "a."])
def test_a_case_does_not_take_a_name_of_ours(tmp_path: Path, name: str) -> None:
    declare(tmp_path, name)
    with pytest.raises(BadDeclaration) as caught:
        catalog.load_catalog(tmp_path)
    assert "testcase.yaml" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["../../out", "a/b", "''"])
def test_a_case_of_several_is_no_path(tmp_path: Path, name: str) -> None:
    declare(tmp_path, "several", f"summary: x\nkselftest: mm\ncases:\n  {name}: {{}}\n")
    with pytest.raises(BadDeclaration, match=r"several/testcase\.yaml"):
        catalog.load_catalog(tmp_path)


@pytest.mark.parametrize("name", ["7", "on", "1e3"])
def test_a_case_of_several_is_called_what_is_written_there(tmp_path: Path, name: str) -> None:
    declare(tmp_path, "several", f"summary: x\nkselftest: mm\ncases:\n  {name}: {{kselftest: mm/x}}\n")
    assert list(catalog.load_catalog(tmp_path).testcases) == [f"several.{name}"]


def test_a_name_is_declared_once(tmp_path: Path) -> None:
    declare(tmp_path, "a", "summary: x\nkselftest: mm\ncases:\n  b: {}\n")
    declare(tmp_path, "a.b")
    with pytest.raises(BadDeclaration, match=r"a\.b is declared twice"):
        catalog.load_catalog(tmp_path)


@pytest.mark.parametrize("name", [*OURS, *UGLY, "with.dot", "json"])
def test_a_mutant_does_not_take_a_name_of_ours(tmp_path: Path, name: str) -> None:
    """KCONFIG.MUTANT is a directory beside KCONFIG.patched."""
    (tmp_path / f"{name}.patch").write_text(HEADER.replace("Mutant: lost-wake-up\n", "") + DIFF)
    with pytest.raises(BadDeclaration) as caught:
        read_mutants(tmp_path)
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize("name", [*UGLY, "a+b", "base.patched"])
def test_a_kconfig_does_not_look_like_two_or_like_a_kernel(tmp_path: Path, name: str) -> None:
    (tmp_path / "testcases").mkdir()
    (tmp_path / "kconfigs").mkdir()
    (tmp_path / "kconfigs" / f"{name}.config").write_text("CONFIG_A=y\n")
    with pytest.raises(BadDeclaration, match="kconfig"):
        catalog.load_catalog(tmp_path)


def test_what_a_suite_is_made_of_is_reserved() -> None:
    package = Path(errors.__file__).parent
    named = {
        call.args[0].value
        for path in package.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", getattr(call.func, "attr", "")) == "stage"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert len(named) > 5
    assert {*named, *HOST_TESTS, "static-checks"} <= STAGES
    assert {role.value for role in Role} <= RESERVED


def test_what_is_declared_here_is_fine() -> None:
    known = catalog.load_catalog()
    assert read_mutants(known.root / "patches/vm_refcnt-mutants")
    assert not RESERVED & set(known.testcases)
