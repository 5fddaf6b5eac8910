"""Which ways conditions went in a real kernel: conditions.patch puts some of which that is known into /proc/version."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, Start, add_case

READS = 12
TRIES = 3  # runs, until one lost no count
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


def is_whole(found: dict[str, dict[str, Any]]) -> bool:
    """Whether no count is missing: an interrupt exactly at a jump costs it one (docs/coverage.md)."""
    totals = {text: [sum(counts(part)) for part in one["parts"]] for text, one in found.items()}
    (reads,) = totals["if (reads & 1)"]
    return (totals["if (reads < 0)"], totals["if (n > 1000000)"]) == ([reads], [4 * reads]) and totals[
        "if (reads > 3 && READ_ONCE(version_yes))"
    ] == [reads, reads - 3]


def test_each_condition_goes_the_ways_that_it_is_known_to_go(
    start: Start, series_with: Callable[..., Path], own_root: Path
) -> None:
    add_case(own_root, "reads-version", BODY)
    series = series_with(ROOT / "tests/e2e/conditions.patch")
    for _ in range(TRIES):
        job = start(
            "--patch", str(series), "--testcase", "reads-version", "--baseline", "never", "--smp", "2",
            env={"ORCHESTRATE_ROOT": str(own_root)},
        )  # fmt: skip
        assert job.finish() == 0, job.text
        found = conditions(job.report())
        if is_whole(found):
            break
    odd = found["if (reads & 1)"]
    (part,) = odd["parts"]
    reads = sum(counts(part))
    assert reads >= READS
    assert odd["ways"] == "ALL"
    assert counts(part) == [reads // 2, reads - reads // 2]

    never = found["if (reads < 0)"]
    (part,) = never["parts"]
    assert (never["ways"], counts(part)) == ("SOME", [0, reads])

    both = found["if (reads > 3 && READ_ONCE(version_yes))"]
    first, second = both["parts"]
    assert both["ways"] == "SOME"
    assert (counts(first), first["token"]) == ([3, reads - 3], "(")
    assert (counts(second), second["token"]) == ([0, reads - 3], "&&")

    chosen = found["WRITE_ONCE(version_chosen, other > 5 ? one : reads);"]
    assert (chosen["ways"], chosen["parts"]) == ("UNTOLD", []), "gcc makes a conditional move of it"

    inlined = found["if (n > 1000000)"]
    assert [copy["function"] for copy in inlined["copies"]] == ["version_first", "version_second", "version_third"]
    assert all(sum(counts(part)) for copy in inlined["copies"] for part in copy["parts"])
    (part,) = inlined["parts"]
    assert (inlined["ways"], counts(part)) == ("SOME", [0, 4 * reads]), "it is in three functions, in one twice"

    line = next(text for text in job.text.splitlines() if "some ways only:" in text and "(reads < 0)" in text)
    assert f"fs/proc/version.c:{never['line']} in version_proc_show: never went to fs/proc/version.c:" in line
    (job.run_dir / "report.json").unlink()
    again = [sys.executable, "-m", "orchestrator", "report", job.run_dir]
    subprocess.run(again, cwd=ROOT, check=True, capture_output=True)
    assert conditions(job.report()) == found
    lcov = (job.run_dir / "coverage.info").read_text()
    assert f"BRDA:{never['line']},0,0," in lcov
