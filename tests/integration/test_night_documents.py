"""What a whole night sends: several runs, kernels that were built and some that were not, series that apply and one
that does not, failures of each kind. KCIDB's database, patchwork and SQUAD take all of it, and it is one picture."""

from __future__ import annotations

import json
import mailbox
import os
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.ci_servers import TOKEN, Kcidb, Patchwork, Squad, serving
from tests.integration.conftest import Cli
from tests.integration.mails import thread
from tests.kcidb_documents import documents, joined
from tests.run_dirs import MAILS, run_dir

PLAN = """\
trees:
  mm: {path: linux, branches: [main], kconfigs: [base, debug], suites: [quick]}
series:
  queue: {directory: queue, tree: linux, base: main, suites: [quick]}
suites:
  quick: {testcases: [split-merge], duration: 1s, options: [--accel, tcg, --no-sandbox]}
results: {json: night.json, directory: nights}
"""


@pytest.fixture
def night(cli: Cli, tmp_path: Path, tree: Path) -> Path:
    """A night that is over: a branch with two kconfigs and two series, on a tree of which no kernel can be made, and
    beside them a run with a regression and one without, as guests leave them."""
    queue = tmp_path / "queue"
    queue.mkdir()
    (queue / "applies.mbox").write_text(thread())
    (queue / "does-not.mbox").write_text(thread("", "other@x").replace("-line 6", "-nothing like it"))
    (tmp_path / "night.yaml").write_text(PLAN)
    done = cli("nightly", str(tmp_path / "night.yaml"), timeout_s=300)
    assert done.returncode in (1, 3), done.stderr
    [found] = (tmp_path / "nights").glob("2*")
    run_dir(found / "runs/guests-bad")
    run_dir(found / "runs/guests-good", is_bad=False, run_id="2" * 32)
    return found


def test_a_nights_documents_are_one_picture_wherever_they_go(cli: Cli, night: Path, tmp_path: Path) -> None:
    runs = sorted(map(str, (night / "runs").iterdir()))
    items = json.loads((tmp_path / "night.json").read_text())["items"]
    assert len(runs) == len(items) + 2
    (tmp_path / "token").write_text(TOKEN)
    kcidb, squad = Kcidb(), Squad()
    patchwork = Patchwork(
        patches=[
            {"id": number, "msgid": f"<{name}>", "hash": "0" * 40, "project": {"link_name": "linux-mm"}}
            for number, name in enumerate(sorted(_mails(runs)))
        ]
    )
    with serving(kcidb), serving(squad), serving(patchwork):
        env = dict.fromkeys((name for name in os.environ if name.lower().endswith("_proxy")), "")
        for name, server in (("KCIDB", kcidb), ("SQUAD", squad), ("PATCHWORK", patchwork)):
            env |= {f"ORCHESTRATE_{name}_SERVER": server.address, f"ORCHESTRATE_{name}_TOKEN": str(tmp_path / "token")}
        words = ("--kcidb", "--squad", "--squad-project", "mm/night", "--patchwork", "--all")
        done = cli("send", *runs, *words, env=env, timeout_s=120)
        assert done.returncode == 0, done.stderr
    assert len(kcidb.submissions) == len(runs)
    whole = joined(kcidb.submissions)
    assert whole == joined(documents(runs)), "the files beside the reports are what was sent"
    assert [one["valid"] for one in whole["checkouts"] if "valid" in one].count(False) == 1, "what does not apply, once"
    # the branch, two series on it, and what the guests ran, with its series and without
    assert len(whole["checkouts"]) == 1 + 2 + 2
    # what could not be built is each run's own: the branch twice, a series and its base; what was built is one
    assert Counter(one["status"] for one in whole["builds"]) == {"FAIL": 2 + 2, "PASS": 2}
    assert {one["status"] for one in whole["tests"]} >= {"FAIL", "PASS"}
    assert {one["environment"].partition(".")[0] for one in squad.runs} == {"base", "debug"}
    assert len({(one["build"], one["metadata"]["job_id"]) for one in squad.runs}) == len(squad.runs)
    assert {one["state"] for one in patchwork.checks} >= {"fail", "success"}
    said = Counter((one["patch"], one["context"], one["state"]) for one in patchwork.checks)
    assert set(said.values()) == {1}, "nobody is told anything twice"
    [reply] = [path for path in map(Path, runs) if path.name == "guests-bad"]
    with closing(mailbox.mbox(reply / "reply.mbox")) as box:
        [answer] = box
    assert answer["In-Reply-To"] in {f"<{mail.message_id}>" for mail in MAILS}


def _mails(runs: list[str]) -> set[str]:
    found = set()
    for run in runs:
        record = json.loads(Path(run, "run.json").read_text())
        found |= {one for one in record["message_ids"] if one}
    return found
