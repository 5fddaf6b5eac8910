"""The night of docs/examples/nightly-cluster with one kconfig and one case: two trees and two series, built and booted
by two workers on this machine. Its client is killed in the middle, and when it goes on one of the workers is, too. Then
the night after it, which bisects what came new.

The workers have caches of their own, and so move kernels as two machines do; ccache alone is shared with the user's.
With WHOLE_NIGHT=1 the example is run as it is, with its three kconfigs and both cases; NIGHT_DIR keeps what it leaves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cluster import identity
from orchestrator.context import Places
from tests.e2e.conftest import ROOT, pids, program, working_directory
from tests.e2e.trees import commit, git, linux, sibling
from tests.integration.farms import Farm
from tests.kcidb_documents import documents, joined
from tests.valid_json import read_valid

pytest.importorskip("distributed")
pytestmark = [pytest.mark.long]
EXAMPLE = ROOT / "docs/examples/nightly-cluster"
NIGHT_S = 7200
# What makes the night longer and shows nothing more
LEFT_OUT = (
    ("    kconfigs: [base, ./percpu-stats.config]\n", ""),
    ("    kconfigs: [base, ./memtest.config]\n", ""),
    ("[split-merge, fault-vs-munmap]", "[fault-vs-munmap]"),
    ("[--accel, tcg,", "[--accel, tcg, --jobs, '1',"),
)


class Place:
    """A directory with the plan, its trees and series, and a farm with two workers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.farm = Farm(root, silence_s=60)  # builds on few CPUs leave a worker little time to say something
        shutil.copytree(EXAMPLE, root, dirs_exist_ok=True)
        plan = (root / "night.yaml").read_text()
        for words, instead in () if os.environ.get("WHOLE_NIGHT") else LEFT_OUT:
            assert words in plan
            plan = plan.replace(words, instead)
        (root / "night.yaml").write_text(plan)
        self.stable = linux(root / "stable")
        self.next = sibling(self.stable, root / "next")
        self.comment(self.next, "one more line")
        identity.create(self.farm.identity)
        for name in ("a", "b", "client"):
            cache = Path(self.farm.environment(name)["XDG_CACHE_HOME"], "orchestrate")
            cache.mkdir(parents=True)
            (cache / "ccache").symlink_to(Places.of_user().ccache)
        (self.root / "client/.gitconfig").write_text("[user]\n\tname = a night\n\temail = night@example.org\n")

    def comment(self, tree: Path, words: str) -> None:
        """A commit that changes nothing of the code."""
        text = git(tree, "show", "HEAD:mm/mmap.c") + f"/* {words} */\n"
        blob = git(tree, "hash-object", "-w", "--stdin", told=text).strip()
        git(tree, "update-index", "--cacheinfo", f"100644,{blob},mm/mmap.c")
        git(tree, "commit", "--quiet", "--message", f"mm: {words}")

    def begin(self, *more: str) -> subprocess.Popen[str]:
        words = ["nightly", str(self.root / "night.yaml"), "--executor", f"dask://{self.farm.address}"]
        words += ["--identity", str(self.farm.identity), *more]
        with (self.root / "told").open("a") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator", *words], stdout=told, stderr=told, text=True,
                env=self.farm.environment("client") | {"NO_COLOR": "1"},
            )  # fmt: skip
        self.farm.add("client", process)
        return process

    def cli(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *words], env=self.farm.environment("client"), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def told(self) -> str:
        return (self.root / "told").read_text()

    def items(self, night: Path) -> dict[str, dict[str, Any]]:
        return {item["name"]: item for item in json.loads((night / "night.json").read_text())["items"]}

    @property
    def nights(self) -> list[Path]:
        return sorted((self.root / "nights").glob("2*"))

    def at_work(self) -> list[str]:
        """The programs that work in a directory of ours: make, compilers, QEMU."""
        return [program(pid) for pid in pids() if working_directory(pid).startswith(f"{self.root}/")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(Path(os.environ.get("NIGHT_DIR") or tmp_path_factory.mktemp("night")))
    try:
        made.farm.scheduler()
        made.farm.workers("a", "b")
        yield made
    finally:
        made.farm.end()


def wait_for(process: subprocess.Popen[str], place: Place, pattern: str, since: int = 0) -> re.Match[str]:
    """What the client says after so many characters."""
    until_s = time.monotonic() + NIGHT_S
    while not (found := re.search(pattern, place.told[since:], re.M)):
        assert process.poll() is None, place.told
        assert time.monotonic() < until_s, place.told
        time.sleep(0.2)
    return found


AT_WORK = r"^\[\d/\d\] info: \S+ (?:build|session \d+): ([ab])$"


@pytest.mark.timeout(NIGHT_S)
def test_a_night_on_two_workers_that_is_killed_goes_on(place: Place) -> None:
    process = place.begin()
    # something is done, and something else is at work
    wait_for(process, place, rf"q35: nothing regressed[^\0]*{AT_WORK}")
    process.kill()
    process.wait()
    begun_s = time.monotonic()
    while at_work := place.at_work():
        assert time.monotonic() < begun_s + 30, f"the workers end what they do for a client that is gone: {at_work}"
        time.sleep(0.2)
    [night] = place.nights
    before = place.items(night)
    states = [item["state"] for item in before.values()]
    assert "DONE" in states
    assert states.count("RUNNING") >= 1
    first = place.told

    process = place.begin()
    lost = wait_for(process, place, AT_WORK, len(first))[1]
    place.farm.children[lost].kill()
    place.farm.children[lost].wait()
    assert process.wait(NIGHT_S) == 1, place.told
    assert place.nights == [night]
    after = place.items(night)
    assert {item["state"] for item in after.values()} == {"DONE"}
    assert {name: item["verdict"] for name, item in after.items() if item["verdict"] != "CLEAN"} == {
        "warns short base q35": "PATCH_AT_FAULT"
    }
    for name, item in before.items():
        assert after[name]["directory"] == item["directory"] or not item["directory"]
        if item["state"] == "DONE":
            assert after[name] == item, "what is done is not done again"
    assert {*re.findall(AT_WORK, place.told, re.M)} == {"a", "b"}, "both worked"
    assert re.search(rf"{lost}\b.*(lost|gone|died|ended)", place.told[len(first) :]), "a worker that dies is said"
    runs = [Path(item["directory"]) for item in after.values()]
    suites = [suite for run in runs for suite in read_valid(run / "report.json")["suites"]]
    built = {suite["facts"]["build_id"] for suite in suites}
    assert len(built) == len(after), "the base of both series is the tip of next"
    assert "new failures:\n  FAIL" in place.told or "new failures:\n  CRASH" in place.told


def test_its_documents_hold_to_their_formats(place: Place) -> None:
    [night, *_] = place.nights
    runs = [item["directory"] for item in place.items(night).values()]
    server = ("--kcidb-server", "http://127.0.0.1:9")
    said = place.cli("send", *runs, "--kcidb", *server, "--all", "--reply", "--dry-run")
    assert said.count("would be sent: KCIDB document") == len(runs) >= 4, said
    whole = joined(documents(runs))
    assert len(whole["builds"]) == len(runs), "a kernel that two items tested is one build"
    assert {one["report_subject"].partition(" ")[0] for one in whole["issues"]} == {"WARNING"}
    red = next(Path(one["directory"]) for one in place.items(night).values() if one["verdict"] == "PATCH_AT_FAULT")
    reply = message_from_bytes((red / "reply.mbox").read_bytes().partition(b"\n")[2], policy=policy.default)
    assert reply["In-Reply-To"] == "<20261122150931.1-1-orchestrate@localhost>"
    body = reply.get_body()
    assert body
    assert "WARNING" in body.get_content()
    [failed] = [suite for suite in read_valid(red / "report.json")["suites"] if suite["role"] == "PATCHED"]
    places = [place for case in failed["cases"] for found in case["kernel_reports"] for frame in found["frames"]
              for place in frame["places"]]  # fmt: skip
    assert any(place["mark"] == "LINE" for place in places), "the client has built nothing, and shows who wrote it"


def test_the_dashboard_shows_it(place: Place) -> None:
    history = place.root / "history.db"
    place.cli("dashboard", "--history", str(history), "--export", str(place.root / "pages"))
    index = json.loads((place.root / "pages/index.json").read_text())
    assert "warns" in json.dumps(index)
    trees = (place.root / "pages/trees.html").read_text()
    assert f"{place.stable} main" in trees
    assert f"{place.next} main" in trees


@pytest.mark.timeout(NIGHT_S)
def test_the_night_after_bisects_what_came_new(place: Place) -> None:
    """Three commits, of which the second warns."""
    place.farm.workers(*(name for name in "ab" if place.farm.children[name].poll() is not None))
    place.comment(place.next, "the first of three")
    bad = commit(place.next, EXAMPLE / "series/warns-in-munmap.patch", "mm: the second of three")
    place.comment(place.next, "the third of three")
    process = place.begin()
    assert process.wait(NIGHT_S) == 1, place.told
    assert len(place.nights) == 2
    record = json.loads((place.nights[-1] / "night.json").read_text())
    [culprit] = record["culprits"]
    assert culprit["commit"] == bad
    assert culprit["fixes"].startswith(f"Fixes: {bad[:12]}")
    names = {item["name"]: item["state"] for item in record["items"]}
    assert names["stable/main short base q35"] == "SKIPPED"
    assert names["bisect fault-vs-munmap: next/main short base q35"] == "DONE"
