"""Programs that want another verdict than theirs: what the supervisor says of them stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Start

HOSTILE = ROOT / "tests/e2e/hostile.c"
# what each does beside looking for the token and forging sentinels, and what is said of it
WAYS = {
    "fails": "exit status 1, though no subtest failed",
    "takes-over": "exit status 1, though no subtest failed",
    "kills": "the guest did not say how the program ended",
    "hides-leak": "leaked 4[0-9] mounts",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of our own with one case for each way."""
    root = tmp_path_factory.mktemp("root")
    for name in ("testcases/lib", "kconfigs", "patches"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    for way in WAYS:
        case = root / "testcases" / way
        case.mkdir()
        (case / "main.c").write_text(f'#define HOSTILE_WAY "{way}"\n{HOSTILE.read_text()}')
        (case / "testcase.yaml").write_text(f"summary: {way}\nsources: [main.c]\ntimeout_s: 20\n")
    return root


def test_a_program_cannot_forge_how_it_ended(start: Start, root: Path) -> None:
    job = start(
        "--patch", "patches/vm_refcnt", "--baseline", "never", "--duration", "1",
        *(word for way in WAYS for word in ("--testcase", way)),
        env={"ORCHESTRATE_ROOT": str(root)},
    )  # fmt: skip
    assert job.finish() == 1, job.text
    for way, words in WAYS.items():
        case = job.case(way)
        assert case["outcome"] == "FAIL", (way, case["message"])
        assert re.search(words, case["message"]), (way, case["message"])
