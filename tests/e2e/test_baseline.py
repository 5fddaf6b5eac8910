"""Is a failure new? What fails with the patch is asked of the unpatched kernel too.

The unpatched kernel is a second full build (the series changes headers that everything includes), which a cold CI run
cannot afford: these tests run where that kernel has been built before (`orchestrate build`), and are skipped elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.context import Places
from tests.e2e.conftest import ROOT, Start

pytestmark = pytest.mark.skipif(
    not list(Places.of_user().bases.glob("linux-source-*/baseline/.build-base/vmlinux")),
    reason="the unpatched kernel is not built here: `orchestrate build` does it, in some ten minutes",
)
TWO = ("--testcase", "fault-vs-munmap", "--testcase", "split-merge", "--duration", "2")


def test_a_failure_that_the_base_does_not_have_is_the_patchs(start: Start, series_with: Callable[..., Path]) -> None:
    job = start("--patch", str(series_with("warns-in-munmap")), *TWO)
    assert job.finish() == 1, job.text
    assert [suite["name"] for suite in job.report()["suites"]] == ["base.patched", "base.baseline"]
    # only what failed was asked of the base
    assert [(case["case"], case["outcome"]) for case in job.suite("base.baseline")["cases"]] == [
        ("fault-vs-munmap", "PASS")
    ]
    assert not job.case("fault-vs-munmap")["also_on_base"]
    assert job.report()["verdict"] == "PATCH_AT_FAULT"


def test_a_failure_that_the_base_has_too_is_not_the_patchs(start: Start, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("testcases", "kconfigs", "patches"):
        shutil.copytree(ROOT / name, root / name)
    case = root / "testcases/hopeless"
    case.mkdir()
    (case / "main.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("KTAP version 1\\n1..1\\nnot ok 1 never"); return 1; }\n'
    )
    (case / "testcase.yaml").write_text("summary: fails on every kernel\nsources: [main.c]\n")
    job = start("--patch", "vm_refcnt", "--testcase", "hopeless", env={"ORCHESTRATE_ROOT": str(root)})
    assert job.finish() == 3, job.text
    assert job.case("hopeless")["also_on_base"]
    assert job.report()["verdict"] == "NO_VERDICT"
    document = ElementTree.parse(job.run_dir / "junit.xml").getroot()
    assert document.find(".//failure") is None
    assert document.find(".//error[@type='FailsOnBase']") is not None
