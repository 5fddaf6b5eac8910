"""What a case leaves behind, does not exercise or never finishes, seen in a real guest."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import Start, add_case

LEAVER = """
	if (fork() == 0) {
		setsid();  /* away from whoever looks after its process group */
		if (fork() == 0)
			for (;;)
				pause();
		_exit(0);
	}
	sleep(1);
	fclose(fopen("/dev/shm/forgotten", "w"));
	puts("ok 1 x");
"""
HARNESS = """#include "case.h"

static void fault(struct worker *worker)
{
	while (worker_continue(worker)) {
		*(volatile char *)area_map(worker->run, worker->arg, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) = 1;
		worker_did(worker);
	}
}

static void stop_short(struct worker *worker)
{
	worker_did(worker);
	for (;;)
		clock_sleep_ms(100);
}

static void run_two(struct run *run, const char *name, void (*body)(struct worker *worker))
{
	const struct role roles[] = {
		{ .name = "faulter", .body = fault, .count = 1, .arg = area_reserve(run, 1) },
		{ .name = name, .body = body, .count = 1, .arg = area_reserve(run, 1) },
	};

	crew_run(run, roles, COUNT_OF(roles));
}

static void alone(struct run *run) { run_event(run, SLOT_REQUIRED, "contention"); run_two(run, "other", fault); }
static void stuck(struct run *run) { run_two(run, "sleeper", stop_short); }

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = { { .name = "alone", .body = alone }, { .name = "stuck", .body = stuck } };

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
"""


@pytest.mark.long
def test_what_is_left_behind_not_exercised_or_never_finished_is_said(start: Start, own_root: Path) -> None:
    add_case(own_root, "leaver", LEAVER)
    add_case(own_root, "harness", "")
    (own_root / "testcases/harness/main.c").write_text(HARNESS)
    names = ("leaver", "harness", "discard")
    job = start(
        "--patch", "patches/vm_refcnt", "--baseline", "never", "--duration", "2", "--smp", "3", "--memory", "384",
        *(word for name in names for word in ("--testcase", name)),
        env={"ORCHESTRATE_ROOT": str(own_root)},
    )  # fmt: skip
    assert job.finish() == 1, job.text
    assert job.suite()["facts"]["cpus"] == 3

    leaver = job.case("leaver")
    assert (leaver["run_outcome"], leaver["message"]) == ("FAIL", "left 1 process behind (leaver)")
    assert {"name": "left.posix_shm", "value": 1.0, "unit": "objects"} in leaver["metrics"]

    alone, stuck = job.case("harness")["subtests"]
    assert (alone["outcome"], alone["message"]) == ("NOT_EXERCISED", "did not exercise: contention")
    assert stuck["outcome"] == "TIMEOUT"
    assert re.search(r"thread sleeper/0 made no progress for [0-9.]+ s: state S in \w*nanosleep", stuck["message"])
    assert job.case("harness")["outcome"] == "TIMEOUT"
    junit = ElementTree.parse(job.run_dir / "junit.xml")
    skipped = junit.find(".//testcase[@name='alone']/skipped")
    assert skipped is not None
    assert skipped.get("message", "").startswith("did not exercise: contention")

    # what the others did is not put down to the case that follows them
    assert job.case("discard")["outcome"] == "PASS", job.case("discard")
