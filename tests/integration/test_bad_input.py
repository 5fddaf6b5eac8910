"""What bad input gets: exit status 2 (or 1 for the patch's own fault), what happened, where, and what to do."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.cli import main
from orchestrator.model.request import Request
from orchestrator.runs.record import RunRecord, save_record
from tests.integration.conftest import GOOD, Cli, git

MAIL, DIFF = GOOD.split("\n\n", 1)[0] + "\n\n", GOOD.split("\n\n", 1)[1]
REFUSED = {
    "missing.patch": (None, "no such file or directory"),
    "empty.patch": (b"", "empty"),
    "notes.patch": (b"Dear all,\n\nplease find nothing attached.\n", "no diff in it"),
    "crlf.patch": (MAIL.encode() + DIFF.replace("\n", "\r\n").encode(), "CRLF"),  # a whole mail is converted
    "utf16.patch": (GOOD.encode("utf-16"), "UTF-16"),
    "cut.patch": (GOOD.replace(" line 9\n-- \n2.39.5\n", "").encode(), "@@ -3,7 +3,7 @@"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_that_is_no_good_patch_is_refused_before_anything_runs(cli: Cli, tmp_path: Path, name: str) -> None:
    data, words = REFUSED[name]
    if data is not None:
        (tmp_path / name).write_bytes(data)
    result = cli("test", "--patch", name, "--output", "out")
    assert result.returncode == 2, result.stderr
    assert words.lower() in result.stderr.lower()
    assert name in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--testcase", "fault-vs-mumap"], "did you mean fault-vs-munmap"),
        (["--kconfig", "debgu"], "did you mean debug"),
        (["--kconfig", "base+nothing"], "unknown kconfig nothing"),
        (["--kconfig", "debug+"], "a name is missing"),
        (["--kconfig", "debug,kasan"], "give the option several times"),
        (["--kconfig", "good.patch"], "the file of that name is ./good.patch"),
        (["--kconfig", "./"], "is a directory"),
        (["--testcase", "UFFD"], "did you mean uffd"),
        (["--junit", "."], "is a directory"),
        (["--dry-run", "--executor", "dask://"], "--executor dask://: unknown"),
        (["--executor", "dask://127.0.0.1:9", "--base", "v6.12"], "no identity for a cluster"),
        (["--executor", "dask://127.0.0.1:9", "--freeze-on-failure", "--base", "v6.12"], "not with --executor dask"),
        (["--machine", "q36"], "did you mean q35"),
        (["--duration", "0"], "--duration 0"),
        (["--jobs", "0"], "--jobs 0"),
        (["--with-mutants", "0"], "--with-mutants 0"),
        (["--accel", "warp"], "invalid choice"),
    ],
)
def test_an_unknown_name_or_value_is_refused_with_what_was_meant(
    cli: Cli, good_patch: Path, arguments: list[str], words: str
) -> None:
    result = cli("test", "--patch", str(good_patch), *arguments)
    assert result.returncode == 2, result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tree", "nowhere"], "no such directory"),
        (["--tree", "."], "not a git tree"),
        (["--tree", "linux", "--base", "v9.9"], "no such revision"),
        (["--tree", "linux", "--base", "HEAD:mm"], "no such revision"),
        (["--tree", "empty"], "no Linux kernel at this revision"),
        (["--base", "v6.12"], "not a base's name"),
    ],
)
def test_a_base_that_cannot_be_is_the_requests_fault(
    cli: Cli, tree: Path, tmp_path: Path, good_patch: Path, arguments: list[str], words: str
) -> None:
    git(tmp_path, "init", "-q", "empty")
    git(tmp_path / "empty", "commit", "-q", "--allow-empty", "-m", "nothing")
    result = cli("test", "--patch", str(good_patch), "--output", "out", *arguments)
    assert result.returncode == 2, result.stderr
    assert words in result.stderr
    assert result.stdout == ""  # no table,
    assert not (tmp_path / "out").exists()  # and no run: it is refused at once, as an unknown name is


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "loop"], "loop: cannot be written"),
        (["--output", "loop/out"], "loop/out: cannot be written"),
        (["--junit", "loop"], "loop: cannot be written"),
        (["--known-issues", "loop"], "loop: Too many levels of symbolic links"),
        (["--kconfig", "./loop"], "loop: there is no such file"),
        (["--kconfig", "~nobody-of-that-name/x"], "~nobody-of-that-name/x: there is no such file"),
        (["--toolchain", "~nobody-of-that-name/x"], "--toolchain ~nobody-of-that-name/x: is no directory"),
    ],
)
def test_a_path_that_leads_nowhere_is_the_requests_fault(
    tmp_path: Path, good_patch: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("loop").symlink_to("loop")
    assert main(["test", str(good_patch), "--accel", "tcg", "--dry-run", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_working_directory_that_is_gone_is_named(
    tmp_path: Path, good_patch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["test", str(good_patch), "--dry-run"]) == 2
    assert "the working directory does not exist any more" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)


def test_what_is_asked_about_runs_in_a_directory_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mail = b"From: a@b.example\nMessage-ID: <1@b.example>\nSubject: [PATCH] x\n\ny\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(mail)))
    assert main(["b4-check", str(tmp_path), str(tmp_path / "typo")]) == 2
    assert "typo: no such directory" in capsys.readouterr().err


def test_a_run_directory_with_pipes_in_it_is_judged_all_the_same(cli: Cli, tmp_path: Path) -> None:
    request = RunRecord(Request(), "x", "s", "d", "2026-01-01T00:00:00", subjects=("mm: x",))
    save_record(request, tmp_path / "run/run.json")
    (tmp_path / "run/patches").mkdir()
    os.mkfifo(tmp_path / "run/patches/0001-x.patch")
    done = cli("report", "run", "-q", timeout_s=120)  # opening one would wait for who writes into it
    assert "report: " in done.stdout
    assert "this patch cannot be read" in (tmp_path / "run/report.html").read_text(encoding="utf-8")


def test_reports_are_written_whatever_the_locale_is(cli: Cli, tmp_path: Path) -> None:
    save_record(RunRecord(Request(), "x", "s", "", "2026-01-01T00:00:00"), tmp_path / "run/run.json")
    done = cli("report", "run", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert "Traceback" not in done.stderr
    assert "report: " in done.stdout
    assert (tmp_path / "run/report.html").is_file()


def test_a_file_about_a_series_is_refused_at_once_where_there_is_none(cli: Cli, tree: Path, tmp_path: Path) -> None:
    result = cli("test", "--tree", str(tree), "--lcov", "out.info", "--output", "out")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--lcov is about the lines that a patch changes" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_rehearsal_refuses_the_directory_that_a_run_would(cli: Cli, tmp_path: Path, good_patch: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("")
    result = cli("test", str(good_patch), "--accel", "tcg", "--dry-run", "--output", "mine")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"--output {tmp_path}/mine: exists and is not a run directory of ours" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--kconfg", "debug"], 128), (["--jobs", "x"], 128), (["--each-patch"], 128), (["--kconfig", "debgu"], 125)],
)
def test_git_bisect_run_takes_no_commit_for_bad_that_was_not_tested(
    cli: Cli, arguments: list[str], status: int
) -> None:
    """Exit statuses 2 and 3 would each be a bad commit."""
    assert cli("test", "--bisect-exit", *arguments).returncode == status
    assert cli("test", "--bisect", *arguments).returncode == status  # the parser takes what is short for it


def test_a_patch_that_does_not_apply_is_its_own_fault_with_file_and_hunk(cli: Cli, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.patch").write_text(GOOD.replace(" line 5\n", " line five\n"))
    before = git(tree, "status", "--porcelain"), git(tree, "rev-parse", "HEAD")
    result = cli("test", "--patch", "bad.patch", "--tree", str(tree), "--output", "out")
    assert result.returncode == 1, result.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    stages = {stage["stage"]: stage for stage in report["suites"][0]["stages"]}
    assert not stages["base"]["cached"]
    assert not any("CPU time" in note for note in report["notes"])  # there was no guest that it could have slowed down
    assert "bad: 1 patch\n" in result.stderr
    stage = stages["apply"]
    assert stage["outcome"] == "FAIL"
    assert "mm/memory.c, hunk 1 (@@ -3,7 +3,7 @@" in stage["message"]
    assert "bad" in stage["message"]
    assert str(tree) in stage["message"]
    case = ElementTree.parse(tmp_path / "out/junit.xml").find(".//testcase[@name='apply']/failure")
    assert case is not None
    assert "mm/memory.c" in case.attrib["message"]
    assert (git(tree, "status", "--porcelain"), git(tree, "rev-parse", "HEAD")) == before


def test_what_leads_nowhere_is_named_for_what_it_is(cli: Cli, tree: Path, tmp_path: Path, good_patch: Path) -> None:
    (tmp_path / "link.patch").symlink_to("gone.patch")
    for patch, words in (
        ("link.patch", "a symbolic link to gone.patch, which is not there"),
        ("-", "not read from stdin"),
        ("good.patch#1/2", "its subjects have no numbers: leave the part out"),
        (f"file://{tmp_path}/good.patch", f"as a path: {tmp_path}/good.patch"),
        ("<20260105.12-1@example.org", "a message id stands in angle brackets"),
        ("topic", "commits of a tree are a range: BASE..topic"),
    ):
        done = cli("test", "--dry-run", "--tree", str(tree), patch)
        assert done.returncode == 2
        assert words in done.stderr
    done = cli("test", "--dry-run", "--tree", str(tree), "--base", "no way", str(good_patch))
    assert f"hint: git -C {tree} log --oneline 'no way'" in done.stderr  # to be pasted


def test_a_run_directory_is_never_some_other_directory(cli: Cli, good_patch: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    result = cli("test", "--patch", str(good_patch), "--output", str(precious))
    assert result.returncode == 2
    assert "not a run directory" in result.stderr
    assert (precious / "thesis.tex").read_text() == "years of work"


def test_old_runs_are_judged_only_where_there_is_one(cli: Cli, tmp_path: Path) -> None:
    for command in ("classify", "report"):
        result = cli(command, str(tmp_path))
        assert result.returncode == 2
        assert "not a run directory" in result.stderr


def test_a_broken_declaration_names_file_and_key(cli: Cli, tmp_path: Path) -> None:
    from orchestrator.declarations import catalog
    from orchestrator.errors import BadDeclaration

    case = tmp_path / "testcases/thing"
    case.mkdir(parents=True)
    (case / "thing.c").write_text("int main(void) { return 0; }\n")
    (case / "testcase.yaml").write_text("summary: a thing\nsources: [thing.c]\ntimeout: 3\n")
    with pytest.raises(BadDeclaration, match=r"thing/testcase\.yaml: unknown key timeout") as caught:
        catalog.load_catalog(tmp_path)
    assert "timeout_s" in caught.value.hint


def test_a_bug_of_ours_does_not_say_that_the_patch_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fall(_: object) -> int:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr("orchestrator.commands.list.run", fall)
    assert main(["list", "testcases"]) == 3
    assert "nobody thought of this" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["history", "query", "runs", "flaky"], "history query runs: unexpected argument flaky"),
        (["history", "query", "runs", "--since", "2026-02-31"], "--since 2026-02-31: no date"),
        (["history", "prune", "--keep-days", "-1"], "--keep-days -1: must be at least 0"),
        (["report", "good.patch"], "good.patch/run.json does not exist: not a run directory?"),
        (["classify", "good.patch", "--json", "."], ".: is a directory"),
        (["classify", "good.patch", "--json", "good.patch/x"], "good.patch/x: cannot be written"),
        (["select", "good.patch", "--json", "."], ".: is a directory"),
        (["config", "--tree", "nowhere"], "--tree nowhere: no such directory"),
    ],
)
def test_what_is_wrong_is_what_is_named(cli: Cli, good_patch: Path, arguments: list[str], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "hint: another version" not in done.stderr
