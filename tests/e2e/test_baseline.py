"""Is a failure new, the base's too, or chance? What fails is run again in pairs, on real kernels.

The unpatched kernel is a second full build (the series changes headers that everything includes), which a cold CI run
cannot afford: these tests run where that kernel has been built before (`orchestrate build`), and are skipped elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.context import Places
from tests.e2e.conftest import Start, add_case

pytestmark = pytest.mark.skipif(
    not list(Places.of_user().bases.glob("linux-source-*/baseline/.build-base/vmlinux")),
    reason="the unpatched kernel is not built here: `orchestrate build` does it, in some ten minutes",
)
ONE = ("--testcase", "split-merge", "--duration", "1")
# fails on any kernel, the one time in three, whatever the seed; always in the first test, to be asked about
FLAKY = r"""
	unsigned char drawn = 0;
	FILE *random = fopen("/dev/urandom", "r");
	int bad = 1;

	if (argc > 0) {
		drawn = fgetc(random);
		bad = !strcmp(argv[argc - 1], "1") || drawn < 85;
	}
	puts(bad ? "not ok 1 sometimes" : "ok 1 sometimes");
	return bad;
"""


def test_a_failure_that_the_base_does_not_have_is_the_patchs(start: Start, series_with: Callable[..., Path]) -> None:
    job = start("--patch", str(series_with("warns-in-munmap")), "--testcase", "fault-vs-munmap", *ONE)
    assert job.finish() == 1, job.text
    comparison = job.case("fault-vs-munmap")["comparison"]
    assert (comparison["answer"], comparison["is_settled"]) == ("REGRESSION", True)
    assert (comparison["patched_failed"], comparison["base_failed"], comparison["pairs"]) == (5, 0, 5)
    assert {found["case"] for found in job.suite("base.baseline")["attempts"]} == {"fault-vs-munmap"}, (
        "only what failed"
    )
    assert job.report()["verdict"] == "PATCH_AT_FAULT"
    for name in ("base.patched", "base.baseline"):
        stalls = job.stage("stalls", name)
        assert stalls["outcome"] == "SKIP" or "places in" in stalls["message"], "what both do wrong shows on both"
    numbers = [found["number"] for found in job.suite()["attempts"] if found["case"] == "fault-vs-munmap"]
    assert numbers == [1, 2, 3, 4, 5, 6], "nothing is overwritten"
    for number in numbers:
        assert (job.run_dir / f"base.patched/cases/fault-vs-munmap/{number}/stdout").is_file()


@pytest.mark.long
def test_a_failure_that_the_base_has_too_is_not_the_patchs(start: Start, own_root: Path) -> None:
    add_case(own_root, "hopeless", 'puts("not ok 1 never"); return 1;')
    environment = {"ORCHESTRATE_ROOT": str(own_root)}
    job = start("--patch", "vm_refcnt", "--testcase", "hopeless", *ONE, "--fresh-baseline", env=environment)
    assert job.finish() == 0, job.text
    comparison = job.case("hopeless")["comparison"]
    assert (comparison["answer"], comparison["is_settled"]) == ("PRE_EXISTING", True)
    assert "not new: base.patched: hopeless failed" in job.report()["reason"]
    document = ElementTree.parse(job.run_dir / "junit.xml").getroot()
    assert document.find(".//failure") is None
    assert document.find(".//error") is None
    assert any("pre-existing" in (skipped.get("message") or "") for skipped in document.iter("skipped"))
    again = start("--patch", "vm_refcnt", "--testcase", "hopeless", *ONE, output="again", env=environment)
    assert again.finish() == 0, again.text
    assert "on the base in earlier runs" in again.case("hopeless")["comparison"]["words"]
    assert [suite["name"] for suite in again.report()["suites"]] == ["base.patched"], "no second kernel is needed"
    strict = start("--patch", "vm_refcnt", "--testcase", "hopeless", *ONE, "--strict", output="strict", env=environment)
    assert strict.finish() == 1, strict.text
    assert strict.report()["verdict"] == "FAILED"


@pytest.mark.long
def test_where_nothing_passes_there_is_no_verdict(start: Start, own_root: Path) -> None:
    add_case(own_root, "hopeless", 'puts("not ok 1 never"); return 1;')
    job = start("--patch", "vm_refcnt", "--testcase", "hopeless", env={"ORCHESTRATE_ROOT": str(own_root)})
    assert job.finish() == 3, job.text
    assert job.report()["verdict"] == "NO_VERDICT"
    assert ElementTree.parse(job.run_dir / "junit.xml").find(".//error") is not None


@pytest.mark.long
def test_chance_on_both_kernels_is_no_regression(start: Start, own_root: Path) -> None:
    add_case(own_root, "flaky", FLAKY)
    source = own_root / "testcases/flaky/main.c"
    source.write_text(source.read_text().replace("int main(void)", "int main(int argc, char **argv)"))
    job = start(
        "--patch", "vm_refcnt", "--testcase", "flaky", *ONE, "--seed", "1", "--budget", "90", "--fresh-baseline",
        env={"ORCHESTRATE_ROOT": str(own_root)},
    )  # fmt: skip
    assert job.finish() == 0, job.text
    comparison = job.case("flaky")["comparison"]
    assert comparison["answer"] in ("FLAKY_NO_WORSE", "PRE_EXISTING"), comparison
    assert comparison["pairs"] > 1
    assert comparison["base_failed"], "the base has shown it"


@pytest.mark.long
def test_what_is_not_settled_when_the_budget_ends_is_inconclusive(
    start: Start, series_with: Callable[..., Path]
) -> None:
    job = start(
        "--patch", str(series_with("warns-in-munmap")), "--testcase", "fault-vs-munmap", *ONE, "--budget", "3"
    )  # fmt: skip
    assert job.finish() == 3, job.text
    comparison = job.case("fault-vs-munmap")["comparison"]
    assert comparison["answer"] == "INCONCLUSIVE"
    assert comparison["more_pairs"], "how many more would settle it is told"
    assert ElementTree.parse(job.run_dir / "junit.xml").find(".//error[@type='Inconclusive']") is not None
