"""A tree's selftests as programs: what the tree makes of them is kept, what this machine lacks is asked anew.

A small tree stands in for the kernel's; make and gcc are real.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.build.kselftests import Selftests, kselftests
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import AppliedTree
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git

MM = "tools/testing/selftests/mm"
FILES = {
    "Makefile": "headers:\n",
    f"{MM}/Makefile": "$(OUTPUT)/%: %.c\n\t$(CC) -IINCLUDE -o $@ $<\n",
    f"{MM}/plain.c": "int main(void) { return 0; }\n",
    f"{MM}/wrong.c": "int main(void) { return nothing; }\n",
    f"{MM}/needy.c": "#include <library_of_nobody.h>\nint main(void) { return 0; }\n",
}


class Lab:
    """A tree, and a directory that stands in for this machine's headers."""

    def __init__(self, tree: Path, home: Path) -> None:
        self.include = home / "include"
        self.context = Context(
            Places(home / "cache", home / "state"), catalog.load_catalog(), Runner(Cancel()), lambda event: None
        )
        for name, text in FILES.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text.replace("INCLUDE", str(self.include)))
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", "selftests")
        base = tree_base(tree, "HEAD", Workplace(self.context.places.bases, self.context.runner, print))[0]
        self.applied = AppliedTree(base, git(tree, "rev-parse", "HEAD^{tree}").strip(), ())

    def make(self, *names: str) -> Product[Selftests]:
        return kselftests(self.context, self.applied, "mm", names, find_toolchain(self.context).value)


@pytest.fixture
def lab(tree: Path, tmp_path: Path) -> Lab:
    return Lab(tree, tmp_path)


def test_what_the_tree_makes_of_them_is_kept(lab: Lab) -> None:
    first, again = lab.make("plain", "wrong", "absent"), lab.make("plain", "wrong", "absent")
    assert (first.cached, again.cached) == (False, True)
    for one in (first.value, again.value):
        assert [*one.programs] == ["plain"]
        assert "wrong.c:1:" in one.unbuilt["wrong"]
        assert one.unbuilt["absent"] == "this tree has no such selftest"
        assert not one.lacking


def test_what_this_machine_lacks_is_no_property_of_the_tree(lab: Lab) -> None:
    """Until it is installed each run compiles the collection; from then on none does."""
    for _ in range(2):
        made = lab.make("plain", "needy")
        assert not made.cached
        assert [*made.value.programs] == ["plain"]
        assert made.value.lacking == {"needy": "library_of_nobody.h is not installed"}
        assert not made.value.unbuilt
    lab.include.mkdir()
    (lab.include / "library_of_nobody.h").write_text("")
    made, again = lab.make("plain", "needy"), lab.make("plain", "needy")
    assert (made.cached, again.cached) == (False, True)
    assert {*again.value.programs} == {"plain", "needy"}
