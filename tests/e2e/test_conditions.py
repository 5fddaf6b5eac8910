"""Which ways conditions went in a real kernel: conditions.patch puts some of which that is known into /proc/version."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, Start, add_case

READS = 12
INTERRUPTS = 2  # at most, at one condition
BODY = f"""char text[4096];
	for (int i = 0; i < {READS}; i++) {{
		FILE *f = fopen("/proc/version", "r");
		if (!f || !fgets(text, sizeof(text), f))
			return 1;
		fclose(f);
	}}
	puts("ok 1 read");"""


def conditions(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (suite,) = (one for one in report["suites"] if one["name"] == "base.patched")
    assert suite["coverage"]["no_ways"] == ""
    (file,) = (one for one in suite["coverage"]["files"] if one["file"] == "fs/proc/version.c")
    return {one["text"]: one for one in file["statements"] if one["ways"]}


def counts(part: dict[str, Any]) -> list[int]:
    return sorted(way["count"] for way in part["ways"])


def is_near(found: list[int], expected: list[int]) -> bool:
    """An interrupt exactly at a jump costs it a count (docs/coverage.md); what was never gone is never counted."""
    return all(0 <= other - one <= INTERRUPTS for one, other in zip(found, expected, strict=True))


def test_each_condition_goes_the_ways_that_it_is_known_to_go(
    start: Start, series_with: Callable[..., Path], own_root: Path
) -> None:
    add_case(own_root, "reads-version", BODY)
    series = series_with(ROOT / "tests/e2e/conditions.patch")
    job = start(
        "--patch", str(series), "--testcase", "reads-version", "--baseline", "never", "--smp", "2",
        env={"ORCHESTRATE_ROOT": str(own_root)},
    )  # fmt: skip
    assert job.finish() == 0, job.text
    found = conditions(job.report())
    odd, never = found["if (reads & 1)"], found["if (reads < 0)"]
    reads = max(sum(counts(part)) for part in (*odd["parts"], *never["parts"]))  # the program's, and others'
    assert reads >= READS
    (part,) = odd["parts"]
    assert odd["ways"] == "ALL"
    assert is_near(counts(part), [reads // 2, reads - reads // 2])

    (part,) = never["parts"]
    assert never["ways"] == "SOME"
    assert is_near(counts(part), [0, reads])

    both = found["if (reads > 3 && READ_ONCE(version_yes))"]
    first, second = both["parts"]
    assert both["ways"] == "SOME"
    assert (first["token"], second["token"]) == ("(", "&&")
    assert is_near(counts(first), [3, reads - 3])
    assert is_near(counts(second), [0, reads - 3])

    chosen = found["WRITE_ONCE(version_chosen, other > 5 ? one : reads);"]
    assert (chosen["ways"], chosen["parts"]) == ("UNTOLD", []), "gcc makes a conditional move of it"

    inlined = found["if (n > 1000000)"]
    assert [copy["function"] for copy in inlined["copies"]] == ["version_first", "version_second", "version_third"]
    assert all(sum(counts(part)) for copy in inlined["copies"] for part in copy["parts"])
    (part,) = inlined["parts"]
    assert inlined["ways"] == "SOME"
    assert is_near(counts(part), [0, 4 * reads]), "it is in three functions, in one twice"

    line = next(text for text in job.text.splitlines() if "some ways only:" in text and "(reads < 0)" in text)
    assert f"fs/proc/version.c:{never['line']} in version_proc_show: never went to fs/proc/version.c:" in line
    (job.run_dir / "report.json").unlink()
    again = [sys.executable, "-m", "orchestrator", "report", job.run_dir]
    subprocess.run(again, cwd=ROOT, check=True, capture_output=True)
    assert conditions(job.report()) == found
    lcov = (job.run_dir / "coverage.info").read_text()
    assert f"BRDA:{never['line']},0,0," in lcov
