"""orchestrate send, against servers on the loopback that behave as the real ones do, and misbehave."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from orchestrator.cli import main
from orchestrator.parse.patches.patchwork_hash import patchwork_hash
from orchestrator.reporters.checks import checks
from orchestrator.reporters.json_report import read_report
from tests.integration.ci_servers import TOKEN, CiServer, Kcidb, Patchwork, Squad, done_and_lost, serving, status
from tests.integration.conftest import Cli
from tests.run_dirs import run_dir

Done = subprocess.CompletedProcess[str]
Send = Callable[..., Done]


@pytest.fixture
def send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Send:
    """The command in this process, with a home of its own; `env` holds for one call."""
    for name in [name for name in os.environ if name.startswith(("ORCHESTRATE_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, path in (("HOME", "home"), ("XDG_CACHE_HOME", "home/cache"), ("XDG_STATE_HOME", "home/state")):
        monkeypatch.setenv(name, str(tmp_path / path))

    def sent(*words: str, env: Mapping[str, str] | None = None) -> Done:
        with monkeypatch.context() as there:
            for name, value in (env or {}).items():
                there.setenv(name, value)
            capsys.readouterr()
            status = main(["send", *words])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)

    return sent


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_dir(tmp_path / "runs/20261128T100000-fix")


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return str(tmp_path / "token")


@pytest.fixture
def kcidb() -> Iterator[Kcidb]:
    server = Kcidb()
    with serving(server):
        yield server


@pytest.fixture
def patchwork() -> Iterator[Patchwork]:
    patches = [
        {
            "id": 10 + part,
            "msgid": f"<{part}@author.example>",
            "hash": f"{part}" * 40,
            "project": {"link_name": "linux-mm"},
        }
        for part in (1, 2)
    ]
    server = Patchwork(patches=patches)
    with serving(server):
        yield server


@pytest.fixture
def squad() -> Iterator[Squad]:
    server = Squad()
    with serving(server):
        yield server


def environment(kind: str, server: CiServer, token: str, **more: str) -> dict[str, str]:
    name = f"ORCHESTRATE_{kind.upper()}"
    clear = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"), "")
    return {f"{name}_SERVER": server.address, f"{name}_TOKEN": token, **clear, **more}


def no_secret(done: Done, run: Path) -> None:
    assert TOKEN not in f"{done.stdout}{done.stderr}"
    for path in (path for path in run.rglob("*") if path.is_file()):
        assert TOKEN.encode() not in path.read_bytes(), path


# --- KCIDB


def test_a_document_is_submitted_once(send: Send, run: Path, kcidb: Kcidb, token: str) -> None:
    env = environment("kcidb", kcidb, token)
    done = send(str(run), "--kcidb", env=env)
    assert done.returncode == 0, done.stderr
    assert "sent: KCIDB document (" in done.stdout
    assert f"submission submission1; {kcidb.address}/status?id=submission1 says what became of it" in done.stdout
    (found,) = kcidb.submissions
    assert found["incidents"]
    assert found["issues"][0]["comment"] == "WARNING in vma_break"
    assert found == json.loads((run / "kcidb.json").read_text())
    again = send(str(run), "--kcidb", env=env)
    assert (again.returncode, len(kcidb.submissions)) == (0, 1)
    assert "sent before: KCIDB document" in again.stdout
    assert send(str(run), "--kcidb", "--again", env=env).returncode == 0
    assert kcidb.submissions[1] == kcidb.submissions[0]  # the same objects, which the server has already
    no_secret(done, run)


def test_the_names_of_the_settings_are_in_what_is_submitted(send: Send, run: Path, kcidb: Kcidb, token: str) -> None:
    env = environment("kcidb", kcidb, token, ORCHESTRATE_CI_NAME="mm_lab")
    done = send(str(run), "--kcidb", "--location", "https://ci.example/runs/", env=env)
    assert done.returncode == 0, done.stderr
    assert {one["origin"] for one in kcidb.submissions[0]["tests"]} == {"mm_lab"}
    boot = next(one for one in kcidb.submissions[0]["tests"] if one["path"] == "orchestrate.split-merge")
    assert boot["log_url"] == f"https://ci.example/runs/{run.name}/base.patched/guest-0/console.log"


def test_a_busy_server_is_asked_again(send: Send, run: Path, kcidb: Kcidb, token: str) -> None:
    kcidb.troubles = [status(503), status(429, Retry_After="1")]
    assert send(str(run), "--kcidb", env=environment("kcidb", kcidb, token)).returncode == 0
    assert (len(kcidb.submissions), len(kcidb.requests)) == (1, 3)


def test_what_arrived_without_an_answer_is_submitted_again_as_the_same(
    send: Send, run: Path, kcidb: Kcidb, token: str
) -> None:
    kcidb.troubles = [done_and_lost]
    assert send(str(run), "--kcidb", env=environment("kcidb", kcidb, token)).returncode == 0
    assert kcidb.submissions[0] == kcidb.submissions[1]


@pytest.mark.parametrize("trouble", ["busy", "gone", "token", "elsewhere"])
def test_what_could_not_be_sent_is_kept_and_the_same_command_sends_it(
    send: Send, run: Path, kcidb: Kcidb, token: str, trouble: str, tmp_path: Path
) -> None:
    env = environment("kcidb", kcidb, token)
    if trouble == "busy":
        kcidb.troubles, words = [status(502)] * 4, "4 attempts failed: the server answers 502"
    elif trouble == "gone":
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            env["ORCHESTRATE_KCIDB_SERVER"] = f"http://127.0.0.1:{closed.getsockname()[1]}"
        words = "Connection refused"
    elif trouble == "token":
        (tmp_path / "token").write_text("wrong")
        words = 'the server answers 401: {"detail": "Invalid token."}'
    else:
        kcidb.troubles, words = [status(302, Location="https://evil.example/submit")], "evil.example"
    done = send(str(run), "--kcidb", env=env)
    assert done.returncode == 3
    assert "orchestrate: not sent: KCIDB document (" in done.stderr
    assert words in done.stderr
    assert f"hint: {run}/kcidb.json is kept: the same command sends it again" in done.stderr
    assert "Traceback" not in done.stderr
    assert not kcidb.submissions
    no_secret(done, run)
    (tmp_path / "token").write_text(TOKEN)
    kcidb.troubles = []
    assert send(str(run), "--kcidb", env=environment("kcidb", kcidb, token)).returncode == 0
    assert len(kcidb.submissions) == 1


def test_only_regressions_are_sent_unless_everything_is_wanted(
    send: Send, tmp_path: Path, kcidb: Kcidb, token: str
) -> None:
    clean = run_dir(tmp_path / "clean", is_bad=False)
    env = environment("kcidb", kcidb, token)
    done = send(str(clean), "--kcidb", env=env)
    assert (done.returncode, kcidb.requests) == (0, [])
    assert "nothing sent: nothing regressed; only regressions are, unless --all is given" in done.stdout
    assert send(str(clean), "--kcidb", "--all", env=env).returncode == 0
    assert [one["status"] for one in kcidb.submissions[0]["tests"]].count("FAIL") == 0


@pytest.mark.parametrize("pairs", [0, 2])
def test_a_failure_that_may_be_old_is_told_nobody(
    send: Send, tmp_path: Path, kcidb: Kcidb, patchwork: Patchwork, token: str, pairs: int
) -> None:
    unsettled = run_dir(tmp_path / "unsettled", pairs=pairs)
    env = environment("kcidb", kcidb, token) | environment("patchwork", patchwork, token)
    done = send(str(unsettled), "--kcidb", "--patchwork", "--reply", env=env)
    assert (done.returncode, kcidb.requests, patchwork.requests) == (0, [], [])
    assert "nothing sent: " in done.stdout
    assert "only regressions are, unless --all is given" in done.stdout


def test_a_rehearsal_asks_nobody(send: Send, run: Path, kcidb: Kcidb, token: str) -> None:
    done = send(str(run), "--kcidb", "--dry-run", env=environment("kcidb", kcidb, token))
    assert (done.returncode, kcidb.requests) == (0, [])
    assert "would be sent: KCIDB document (" in done.stdout
    assert f"; to {kcidb.address}" in done.stdout


# --- what is refused before anything is sent


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        ([], {}, "nothing to send is named"),
        (["--kcidb"], {}, "which server? --kcidb needs one"),
        (
            ["--kcidb"],
            {"ORCHESTRATE_KCIDB_SERVER": "http://db.example"},
            "without TLS anybody on the way reads the token",
        ),
        (
            ["--kcidb", "--kcidb-server", "https://x:s3cret@db.example"],
            {},
            "--kcidb-server: kcidb_server: an address with a user or a token in it",
        ),
        (["--squad", "--squad-server", "https://x.example"], {}, "which project of SQUAD?"),
        (
            ["--kcidb", "--kcidb-server", "https://x.example"],
            {"ORCHESTRATE_KCIDB_TOKEN": "$NOT_THERE"},
            "kcidb_token: $NOT_THERE is not set",
        ),
        (
            ["--kcidb", "--kcidb-server", "https://x.example"],
            {"ORCHESTRATE_KCIDB_TOKEN": "/nowhere/token"},
            "kcidb_token: /nowhere/token: No such file or directory",
        ),
        (
            ["--kcidb", "--kcidb-server", "https://x.example"],
            {"ORCHESTRATE_KCIDB_TOKEN": "$TWO", "TWO": "s3cret two"},
            "kcidb_token: $TWO: expected one token of printable ASCII",
        ),
    ],
)
def test_a_wrong_request_is_named(send: Send, run: Path, words: list[str], env: dict[str, str], said: str) -> None:
    done = send(str(run), *words, env=env)
    assert done.returncode == 2
    assert said in done.stderr
    assert "s3cret" not in done.stderr


def test_plain_http_elsewhere_is_a_choice(send: Send, run: Path) -> None:
    env = {"ORCHESTRATE_KCIDB_SERVER": "http://db.invalid", "ORCHESTRATE_PLAIN_HTTP": "anywhere"}
    done = send(str(run), "--kcidb", "--dry-run", env=env)
    assert done.returncode == 0, done.stderr


def test_a_token_may_be_a_variable(send: Send, run: Path, kcidb: Kcidb) -> None:
    done = send(str(run), "--kcidb", env=environment("kcidb", kcidb, "$MY_JWT", MY_JWT=TOKEN))
    assert done.returncode == 0, done.stderr
    no_secret(done, run)


def test_a_netrc_is_no_token(send: Send, run: Path, kcidb: Kcidb, token: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home/.netrc").write_text("machine 127.0.0.1 login x password y\n")
    assert send(str(run), "--kcidb", env=environment("kcidb", kcidb, token)).returncode == 0


# --- patchwork


def test_checks_are_made_once_and_found_by_message_id(send: Send, run: Path, patchwork: Patchwork, token: str) -> None:
    env = environment("patchwork", patchwork, token)
    done = send(str(run), "--patchwork", "--location", "https://ci.example", env=env)
    assert done.returncode == 0, done.stderr
    (check,) = patchwork.checks
    assert {name: check[name] for name in ("patch", "state", "context")} == {
        "patch": 12, "state": "fail", "context": "orchestrate-base-x86_64-gcc-12",
    }  # fmt: skip
    assert check["description"].startswith("split-merge: FAIL: WARNING in vma_break; regression: failed 5 of 5")
    assert check["target_url"] == f"https://ci.example/{run.name}/report.html"
    assert send(str(run), "--patchwork", env=env).returncode == 0
    assert len(patchwork.checks) == 1
    no_secret(done, run)


def test_the_same_finding_of_another_run_is_no_news(
    send: Send, run: Path, patchwork: Patchwork, token: str, tmp_path: Path
) -> None:
    env = environment("patchwork", patchwork, token)
    other = run_dir(tmp_path / "runs/20261129T100000-fix", run_id="2" * 32)
    assert send(str(run), str(other), "--patchwork", env=env).returncode == 0
    assert len(patchwork.checks) == 1


def test_another_machine_asks_patchwork_first(
    send: Send, run: Path, patchwork: Patchwork, token: str, tmp_path: Path
) -> None:
    env = environment("patchwork", patchwork, token)
    assert send(str(run), "--patchwork", env=env).returncode == 0
    done = send(str(run), "--patchwork", env={**env, "XDG_STATE_HOME": str(tmp_path / "other")})
    assert "it has this check already" in done.stdout
    assert len(patchwork.checks) == 1


def test_a_check_that_arrived_without_an_answer_is_not_made_again(
    send: Send, run: Path, patchwork: Patchwork, token: str
) -> None:
    patchwork.troubles = [None, None, done_and_lost]  # the look-up of the patch and of its checks, then the check
    done = send(str(run), "--patchwork", env=environment("patchwork", patchwork, token))
    assert done.returncode == 0, done.stderr
    assert [method for method, _ in patchwork.requests] == ["GET", "GET", "POST", "GET"]
    assert len(patchwork.checks) == 1


def test_a_pass_is_sent_to_whom_a_failure_was_sent(
    send: Send, run: Path, patchwork: Patchwork, token: str, tmp_path: Path
) -> None:
    env = environment("patchwork", patchwork, token)
    fixed = run_dir(tmp_path / "fixed", is_bad=False, run_id="2" * 32)
    assert send(str(fixed), "--patchwork", env=env).returncode == 0
    assert not patchwork.checks
    assert send(str(run), "--patchwork", env=env).returncode == 0
    assert send(str(fixed), "--patchwork", env=env).returncode == 0
    assert [one["state"] for one in patchwork.checks] == ["fail", "success"]


def test_a_patch_is_found_by_its_diff_where_it_is_no_mail(
    send: Send, run: Path, patchwork: Patchwork, token: str
) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "message_ids": ["", ""]}))
    patchwork.patches[1]["hash"] = patchwork_hash((run / "patches/0002-mm-2.patch").read_bytes())
    env = environment("patchwork", patchwork, token)
    assert "there is nothing to send" in send(str(run), "--patchwork", env=env).stdout
    done = send(str(run), "--patchwork", "--patchwork-project", "linux-mm", env=env)
    assert done.returncode == 0, done.stderr
    assert [one["patch"] for one in patchwork.checks] == [12]


def test_a_patch_of_two_projects_needs_one_named(send: Send, run: Path, patchwork: Patchwork, token: str) -> None:
    patchwork.patches.append({**patchwork.patches[1], "id": 99, "project": {"link_name": "lkml"}})
    env = environment("patchwork", patchwork, token)
    done = send(str(run), "--patchwork", env=env)
    assert done.returncode == 3
    assert "has 2 patches <2@author.example>, of linux-mm, lkml" in done.stderr
    assert send(str(run), "--patchwork", "--patchwork-project", "lkml", env=env).returncode == 0
    assert [one["patch"] for one in patchwork.checks] == [99]


def test_a_patch_that_patchwork_does_not_have_is_named(send: Send, run: Path, patchwork: Patchwork, token: str) -> None:
    patchwork.patches.clear()
    done = send(str(run), "--patchwork", env=environment("patchwork", patchwork, token))
    assert done.returncode == 3
    assert "has no patch <2@author.example>" in done.stderr


def test_checks_fit_the_context_that_they_are_sent_for(send: Send, run: Path) -> None:
    assert main(["report", str(run)]) == 1
    assert [one.patch for one in checks(read_report(run / "report.json"))] == [2]


# --- SQUAD


def test_results_are_submitted_to_squad_once(send: Send, run: Path, squad: Squad, token: str, tmp_path: Path) -> None:
    env = environment("squad", squad, token, ORCHESTRATE_SQUAD_PROJECT="mm/series")
    done = send(str(run), "--squad", env=env)
    assert done.returncode == 0, done.stderr
    (found,) = squad.runs
    assert found["environment"] == "base.x86_64.gcc-12"
    assert found["build"] == "linux-source-6.12-6.12.117-1-fix-dddddddddddd"
    assert found["tests"]["cases/split-merge"]["result"] == "fail"
    assert found["tests"]["split-merge/a"] == "pass"
    assert found["metadata"]["job_id"] == f"{'1' * 32}-base.patched"
    other = send(str(run), "--squad", env={**env, "XDG_STATE_HOME": str(tmp_path / "other")})
    assert "it has this run already" in other.stdout
    assert (other.returncode, len(squad.runs)) == (0, 1)
    no_secret(done, run)


def test_a_project_that_squad_does_not_have_is_an_error(send: Send, run: Path, squad: Squad, token: str) -> None:
    done = send(str(run), "--squad", "--squad-project", "who/what", env=environment("squad", squad, token))
    assert done.returncode == 3
    assert "do the group and the project exist there?" in done.stderr


def test_a_server_that_fails_keeps_no_other_from_its_results(
    send: Send, run: Path, squad: Squad, kcidb: Kcidb, token: str
) -> None:
    kcidb.troubles = [status(400)]
    env = environment("squad", squad, token) | environment("kcidb", kcidb, token)
    done = send(str(run), "--squad", "--kcidb", "--squad-project", "mm/series", env=env)
    assert (done.returncode, len(squad.runs), len(kcidb.submissions)) == (3, 1, 0)


# --- mail


class Sink:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 try again later"
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    if b"is not a git command" in subprocess.run(["git", "send-email", "-h"], capture_output=True, check=False).stderr:
        pytest.skip("git send-email is not installed (make mailer)")
    keeper = Sink()
    controller = Controller(keeper, hostname="127.0.0.1", port=_free_port())
    controller.start()
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home/.gitconfig").write_text(
        "[user]\n name = CI of mm\n email = ci@lab.example\n[sendemail]\n"
        f" smtpServer = 127.0.0.1\n smtpServerPort = {controller.port}\n"
        " to = everybody@example.org\n cc = others@example.org\n bcc = boss@example.org\n"
        " tocmd = echo all@example.org ;\n cccmd = echo more@example.org ;\n"
    )
    yield keeper
    controller.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_an_answer_is_sent_once_to_whom_the_thread_went(send: Send, run: Path, sink: Sink, tmp_path: Path) -> None:
    done = send(str(run), "--reply")
    assert done.returncode == 0, done.stderr
    ((to, content),) = sink.mails
    assert sorted(to) == ["a@author.example", "linux-kernel@vger.kernel.org", "linux-mm@kvack.org"]
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["From"].addresses[0].addr_spec == "ci@lab.example"
    assert mail["To"].addresses[0].display_name == "Jörg A"
    assert mail["Subject"] == "Re: [PATCH v2 0/2] mm: 0"
    assert mail["In-Reply-To"] == "<0@author.example>"
    assert mail["References"].split() == ["<0@author.example>"]
    assert mail.get_content().startswith(
        "The patch is at fault: base.patched: split-merge failed (WARNING in vma_break;"
    )
    again = send(str(run), "--reply")
    other = send(str(run_dir(tmp_path / "other", run_id="2" * 32)), "--reply")
    assert [again.returncode, other.returncode, len(sink.mails)] == [0, 0, 1]
    assert "sent before: Re: [PATCH v2 0/2] mm: 0, to Jörg A <a@author.example>" in other.stdout


def test_a_rehearsal_of_an_answer_says_who_would_get_it(send: Send, run: Path, sink: Sink) -> None:
    done = send(str(run), "--reply", "--dry-run")
    assert (done.returncode, sink.mails) == (0, [])
    assert "would be sent: Re: [PATCH v2 0/2] mm: 0, to Jörg A <a@author.example>, linux-mm@kvack.org" in done.stdout
    assert done.stdout.rstrip().endswith("; Result: OK")  # git's own rehearsal


def test_the_sender_may_be_said_by_the_environment(send: Send, run: Path, sink: Sink, tmp_path: Path) -> None:
    config = tmp_path / "home/.gitconfig"
    config.write_text(config.read_text().replace("[user]\n name = CI of mm\n email = ci@lab.example\n", ""))
    names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", "A Developer"), ("EMAIL", "dev@env.example"))}  # fmt: skip
    assert send(str(run), "--reply", "--dry-run", env=names).returncode == 0
    done = send(str(run), "--reply", env=names)
    assert done.returncode == 0, done.stderr
    ((_, content),) = sink.mails
    assert message_from_bytes(content, policy=policy.default)["From"].addresses[0].addr_spec == "dev@env.example"


def test_a_mail_server_that_refuses_is_told_and_the_answer_is_sent_later(send: Send, run: Path, sink: Sink) -> None:
    sink.refuses = True
    done = send(str(run), "--reply")
    assert done.returncode == 3
    assert "not sent: Re: [PATCH v2 0/2]" in done.stderr
    assert f"{run}/reply.mbox is kept" in done.stderr
    sink.refuses = False
    assert send(str(run), "--reply").returncode == 0
    assert len(sink.mails) == 1


def test_an_attempt_that_had_no_end_is_not_repeated_unasked(send: Send, run: Path, sink: Sink, tmp_path: Path) -> None:
    assert send(str(run), "--reply").returncode == 0
    ledger = tmp_path / "home/state/orchestrate/sent.jsonl"
    begun = [line for line in ledger.read_text().splitlines() if '"begun"' in line]
    ledger.write_text("\n".join([*begun, '{"to": "torn']))  # killed while it was sent
    done = send(str(run), "--reply")
    assert (done.returncode, len(sink.mails)) == (3, 1)
    assert "perhaps it was sent at" in done.stderr
    assert "--again sends it all the same" in done.stderr
    assert send(str(run), "--reply", "--again").returncode == 0
    assert len(sink.mails) == 2


def test_without_git_send_email_its_package_is_named(send: Send, run: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(
        "#!/bin/sh\necho \"git: 'send-email' is not a git command. See 'git --help'.\" >&2\nexit 1\n"
    )
    (tmp_path / "bin/git").chmod(0o755)
    done = send(str(run), "--reply", env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert done.returncode == 3
    assert "hint: apt-get install git-email" in done.stderr


def test_two_at_once_send_it_once(cli: Cli, run: Path, kcidb: Kcidb, token: str) -> None:
    script = '& "$@"; status=$?; wait; exit $status'
    done = cli("send", str(run), "--kcidb", env=environment("kcidb", kcidb, token), redirect=script)
    assert done.returncode == 0, done.stderr
    assert len(kcidb.submissions) == 1
    assert sorted(line.partition(":")[0] for line in done.stdout.splitlines()) == ["sent", "sent before"]


def test_the_verdict_of_a_run_stays_whatever_is_sent(send: Send, run: Path, kcidb: Kcidb, token: str) -> None:
    kcidb.troubles = [status(400)]
    send(str(run), "--kcidb", env=environment("kcidb", kcidb, token))
    assert main(["report", str(run)]) == 1
    assert read_report(run / "report.json").verdict.name == "PATCH_AT_FAULT"
