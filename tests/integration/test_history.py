"""The history with real databases and real processes: SQLite, and a PostgreSQL server that the tests start."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from orchestrator.errors import HistoryUnavailable, UsageError
from orchestrator.history.database import HEAD, Database, open_database
from orchestrator.history.keep import Kept, keep, prune
from orchestrator.history.questions import QUESTIONS, RESTRICTED_BY, Filter
from orchestrator.history.rows import Rows, rows_of
from orchestrator.history.schema import CHILDREN, FINDING, METADATA, RUN
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Finding, Metric, RunReport, StageResult
from orchestrator.model.request import Request
from orchestrator.reporters.table import write_files
from orchestrator.runs.record import RunRecord, save_record
from tests.integration.conftest import Cli
from tests.integration.postgres import server
from tests.run_reports import CRASHED, HOSTILE, KASAN, case, hostile_report, many, report, suite


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty history."""
    if request.param == "sqlite":
        return str(tmp_path / "state/history.db")
    url: str = request.getfixturevalue("postgres")
    database = open_database(url, create=True)
    with database.writing() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    return url


@pytest.fixture
def database(target: str) -> Database:
    return open_database(target, create=True)


def night(day: int, run: RunReport, *, known: tuple[KnownIssue, ...] = ()) -> Rows:
    started = f"2026-11-{day:02d}T02:00:00"
    return rows_of(f"run-{day}", replace(run, started=started), location=f"/runs/{day}", known=known)


def ask(database: Database, question: str, **wanted: str) -> list[dict[str, object]]:
    with database.reading() as connection:
        answer = QUESTIONS[question](connection, Filter(**wanted))
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def counts(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (RUN, *CHILDREN.values())
        }


GOOD, BAD = report(suite(case("fork"), case("thp"))), report(suite(CRASHED, case("thp")))


# --- rows in, once


def test_a_run_is_kept_once_and_what_changed_of_it_replaces_it(database: Database) -> None:
    assert keep(database, night(1, BAD)) is Kept.NEW
    before = counts(database)
    assert keep(database, night(1, BAD)) is Kept.SAME
    assert counts(database) == before
    assert before["run"] == 1
    assert before["finding"] == 2
    assert keep(database, night(1, GOOD)) is Kept.CHANGED
    assert counts(database)["run"] == 1
    assert counts(database)["report"] == 0
    assert [row["verdict"] for row in ask(database, "runs")] == ["PATCH_AT_FAULT"]


def test_hostile_text_goes_in_and_out(database: Database) -> None:
    run = replace(hostile_report(f"{HOSTILE}\0'); DROP TABLE run; --"), started="2026-11-01T02:00:00")
    keep(database, rows_of("x", run, location="/runs/x"))
    keep(database, night(2, GOOD))
    assert len(ask(database, "runs")) == 2
    (row,) = ask(database, "runs", since="2026-11-01", series="*DROP TABLE*")
    assert "\\x00'); DROP TABLE run; --" in str(row["series"])


def test_a_huge_run_goes_in(database: Database) -> None:
    keep(database, rows_of("big", many(28_000, False), location="/runs/big"))
    assert counts(database)["finding"] == 28_000


# --- answers


def test_when_a_test_last_passed_and_since_when_it_fails(database: Database) -> None:
    for day, run in enumerate((GOOD, GOOD, BAD, BAD), 1):
        keep(database, night(day, run))
    found = {row["test"]: row for row in ask(database, "passes")}
    assert found["fork"] == {
        "test": "fork", "kernel": "base", "outcome": "CRASH", "last_pass": "2026-11-02T02:00:00",
        "fails_since": "2026-11-03T02:00:00", "runs": 4,
    }  # fmt: skip
    assert (found["thp"]["last_pass"], found["thp"]["fails_since"]) == ("2026-11-04T02:00:00", None)
    assert [row["test"] for row in ask(database, "passes", test="f*k")] == ["fork"]
    assert ask(database, "passes", test="FORK") == []
    assert ask(database, "passes", kernel="debug*") == []


def test_a_test_that_never_passed_fails_since_its_first_run(database: Database) -> None:
    keep(database, night(1, BAD))
    keep(database, night(2, BAD))
    (row,) = ask(database, "passes", test="fork")
    assert (row["last_pass"], row["fails_since"]) == (None, "2026-11-01T02:00:00")


def test_what_is_new(database: Database) -> None:
    def run(fork: Outcome, thp: Outcome, gup: Outcome = Outcome.PASS, **more: object) -> RunReport:
        crashed = replace(CRASHED, outcome=fork) if fork is Outcome.CRASH else case("fork", fork)
        return report(suite(crashed, case("thp", thp), case("gup", gup, **more)))

    good, bad = Outcome.PASS, Outcome.FAIL
    keep(database, night(1, run(good, bad, bad)))
    keep(database, night(2, run(good, bad, bad)))
    keep(database, night(3, run(Outcome.CRASH, bad)))
    found = [(row["state"], row["what"], row["since"]) for row in ask(database, "news")]
    today = "2026-11-03T02:00:00"
    assert found == [
        ("fails", "fork", today),
        ("new title", KASAN.title, today),
        ("still fails", "thp", "2026-11-01T02:00:00"),
        ("passes again", "gup", today),
    ]
    keep(database, night(5, run(Outcome.ERROR, good, Outcome.ERROR, is_not_run=True)))
    found = [(row["state"], row["what"]) for row in ask(database, "news")]
    assert found == [("error", "fork"), ("missing", "gup"), ("passes again", "thp")]
    assert ("new title", KASAN.title) in [
        (row["state"], row["what"]) for row in ask(database, "news", since="2026-11-02")
    ]
    assert ask(database, "news", kernel="debug*") == []


def test_an_empty_history_has_no_news(database: Database) -> None:
    assert [name for name in QUESTIONS if ask(database, name)] == []


def test_what_is_missing_is_neither_a_pass_nor_a_failure(database: Database) -> None:
    keep(database, night(1, GOOD))
    keep(database, night(2, report(suite(case("fork", Outcome.ERROR, is_not_run=True), case("thp")))))
    (row,) = ask(database, "passes", test="fork")
    assert (row["outcome"], row["last_pass"], row["fails_since"]) == ("NOT_RUN", "2026-11-01T02:00:00", None)


def test_since_when_a_title_exists(database: Database) -> None:
    other = replace(CRASHED, kernel_reports=(replace(KASAN, title="WARNING in g", kind="warning"),))
    for day, run in enumerate((GOOD, BAD, GOOD, BAD, report(suite(other))), 1):
        keep(database, night(day, run))
    newest, oldest = ask(database, "titles")
    assert newest["title"] == "WARNING in g"
    assert (oldest["first_seen"], oldest["last_seen"], oldest["runs"], oldest["times"]) == (
        "2026-11-02T02:00:00", "2026-11-04T02:00:00", 2, 2,
    )  # fmt: skip
    assert [row["title"] for row in ask(database, "titles", title="KASAN*")] == [KASAN.title]


def test_how_often_a_case_fails_on_each_kernel(database: Database) -> None:
    def attempts(*outcomes: Outcome, **more: object) -> tuple[Finding, ...]:
        return tuple(replace(Finding("fork", one, one, "", 1.0, number=n), **more) for n, one in enumerate(outcomes, 1))  # type: ignore[arg-type]

    bad, good, unknown = Outcome.FAIL, Outcome.PASS, Outcome.ERROR
    patched = suite(case("fork", bad), attempts=attempts(bad, good, good, good, unknown))
    base = suite(role=Role.BASELINE, attempts=(*attempts(good, good), *attempts(bad, is_host_fault=True)))
    keep(database, night(1, report(patched, base)))
    keep(database, night(2, report(suite(case("fork"), attempts=attempts(good)))))
    rows = ask(database, "flakes", test="fork")
    assert [(row["kernel"], row["attempts"], row["failed"], row["rate"]) for row in rows] == [
        ("base", 5, 1, 0.2),
        ("base.baseline", 2, 0, 0.0),
    ]
    assert rows[0]["low"] == pytest.approx(0.036, abs=0.001)
    assert rows[0]["high"] == pytest.approx(0.624, abs=0.001)


def test_a_metric_over_time(database: Database) -> None:
    for day in (1, 2, 3):
        metrics = (Metric("ops", day * 1000.0, "ops/s"), Metric("left", 0.0, "objects"))
        keep(database, night(day, report(suite(case("scale", metrics=metrics)))))
    found = [(row["started"], row["value"]) for row in ask(database, "metric", test="scale", metric="ops")]
    assert found == [(f"2026-11-0{day}T02:00:00", day * 1000.0) for day in (1, 2, 3)]
    assert [row["value"] for row in ask(database, "metric", metric="ops", since="2026-11-03")] == [3000.0]


def test_known_issues_that_expired_or_were_never_seen(database: Database) -> None:
    def issue(title: str, expires: str) -> KnownIssue:
        return KnownIssue(title, f"https://example.org/{expires}", expires)

    issues = (
        issue("KASAN: .*", "2999-01-01"), issue("WARNING in never", "2999-01-01"), issue("BUG .*", "2026-01-01"),
        issue("broken [", "2999-01-01"),
    )  # fmt: skip
    keep(database, night(1, BAD, known=issues))
    found = [(row["title"], row["state"], row["last_seen"]) for row in ask(database, "known")]
    assert found == [
        ("BUG .*", "expired", None),
        ("WARNING in never", "never seen", None),
        ("broken [", "never seen", None),
        ("KASAN: .*", "seen", "2026-11-01T02:00:00"),
    ]


# --- pruning


def test_pruning_forgets_runs_and_not_since_when(database: Database) -> None:
    for day, run in enumerate((GOOD, BAD, BAD, BAD), 1):
        keep(database, night(day, run))
    titles, passes = ask(database, "titles"), ask(database, "passes", test="fork")
    assert [row[0] for row in prune(database, "2026-11-03", is_rehearsal=True)] == ["run-1", "run-2"]
    assert counts(database)["run"] == 4
    assert [row[0] for row in prune(database, "2026-11-03", is_rehearsal=False)] == ["run-1", "run-2"]
    assert counts(database)["run"] == 2
    assert prune(database, "2026-11-03", is_rehearsal=False) == []
    assert [(row["first_seen"], row["last_seen"]) for row in ask(database, "titles")] == [
        (row["first_seen"], row["last_seen"]) for row in titles
    ]
    assert [row["last_pass"] for row in ask(database, "passes", test="fork")] == [row["last_pass"] for row in passes]
    prune(database, "2027-01-01", is_rehearsal=False)
    assert sum(counts(database).values()) == 0
    (row,) = ask(database, "titles")
    assert (row["first_seen"], row["last_seen"], row["runs"]) == ("2026-11-02T02:00:00", "2026-11-04T02:00:00", 0)


# --- tables


def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD


def test_a_newer_history_and_foreign_tables_are_refused(target: str) -> None:
    database = open_database(target, create=True)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="newer version"):
        open_database(target, create=True)
    with database.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(UsageError, match="something else"):
        open_database(target, create=True)
    with database.writing() as connection:
        METADATA.drop_all(connection)


def test_what_is_no_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no history"):
        open_database(str(tmp_path / "none.db"), create=False)
    (tmp_path / "text").write_text("no database\n" * 100)
    with pytest.raises(HistoryUnavailable, match="not a database"):
        open_database(str(tmp_path / "text"), create=False)
    assert (tmp_path / "text").read_text().startswith("no database")
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="it is empty"):
        open_database(str(tmp_path / "empty"), create=False)
    assert not (tmp_path / "empty").stat().st_size
    (tmp_path / "short").write_text("x")
    for create in (False, True):
        with pytest.raises(HistoryUnavailable, match="not a database"):
            open_database(str(tmp_path / "short"), create=create)
    assert (tmp_path / "short").read_text() == "x"
    for url in ("mysql://host/x", "sqlite://", "http://example.org"):
        with pytest.raises(UsageError):
            open_database(url, create=True)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnavailable) as caught:
        open_database(f"postgresql://user:secret@/postgres?host={tmp_path}", create=True)
    assert "secret" not in caught.value.message
    assert str(tmp_path) in caught.value.message


# --- several at once, and the end of one

WRITER = """
import sys
import threading
from dataclasses import replace
from orchestrator.history.database import open_database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from tests.run_reports import many
target, name, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
report = many(size, False)
for number in range(count):
    database = open_database(target, create=True)
    print(keep(database, rows_of(f"{name}-{number}", report, location="/runs")).name, name, number, flush=True)
"""


def writer(target: str, name: str, count: int, size: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, target, name, str(count), str(size)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)


def test_writers_at_the_same_time_lose_nothing(target: str) -> None:
    """They make the tables, too, each as if it were alone; half of the runs are the same for all."""
    writers = [writer(target, name, 5, 40) for name in ("same", "same", "other")]
    said = [process.communicate(timeout=120) for process in writers]
    assert [process.returncode for process in writers] == [0] * 3, said
    assert all(out.count("\n") == 5 for out, _ in said)
    database = open_database(target, create=False)
    assert len(ask(database, "runs")) == 10
    assert counts(database)["finding"] == 10 * 40
    new = [line for out, _ in said for line in out.splitlines() if line.startswith("NEW same")]
    assert sorted(new) == [f"NEW same {number}" for number in range(5)]


def test_it_waits_for_who_makes_the_file(tmp_path: Path) -> None:
    """SQLite itself does not, where a file that is not yet in WAL mode is being written."""
    target = tmp_path / "history.db"
    other = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    end = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    end.start()
    assert ask(open_database(str(target), create=True), "runs") == []
    end.join()
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_a_killed_writer_leaves_whole_runs_and_no_lock(target: str) -> None:
    """What it said to be in is in; the run that it was at is in as a whole or not at all."""
    dice, finished = random.Random(1), 0
    size = 1_000
    for attempt in range(3):
        process = writer(target, f"w{attempt}", 10_000, size)
        assert process.stdout
        said = [process.stdout.readline() for _ in range(2)]
        time.sleep(dice.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        said += out.splitlines(keepends=True)
        assert process.returncode == -signal.SIGKILL, err
        whole = [line for line in said if line.endswith("\n")]
        assert all(line.startswith("NEW") for line in whole), err
        finished += len(whole)
        database = open_database(target, create=False)
        keep(database, night(attempt + 1, GOOD))  # nobody holds a lock
        found = ask(database, "runs", series="fix")
        with database.reading() as connection:
            each = connection.execute(
                select(RUN.c.id, func.count()).outerjoin(FINDING, FINDING.c.run == RUN.c.number).group_by(RUN.c.id)
            ).all()
        assert {count for name, count in each if name.startswith("w")} == {size}
        assert finished <= len(found) - (attempt + 1) <= finished + attempt + 1


# --- the command


def run_directory(path: Path, run: RunReport, **more: object) -> Path:
    path.mkdir(parents=True)
    record = RunRecord(Request(), f"key {path.name}", run.series, run.series_digest, run.started, finished=True)
    save_record(replace(record, **more), path / "run.json")  # type: ignore[arg-type]
    write_files(replace(run, run_dir=str(path)), path)
    return path


def test_the_command_imports_asks_and_prunes(cli: Cli, tmp_path: Path) -> None:
    for day in (1, 2):
        run = replace(BAD if day == 2 else GOOD, started=f"2026-11-0{day}T02:00:00")
        run_directory(tmp_path / f"runs/night-{day}", run, id=f"id-{day}")
    first = cli("history", "import", "runs")
    assert (first.returncode, first.stdout.count(": imported\n")) == (0, 2), first.stderr
    again = cli("history", "import", "runs/night-1", "runs/night-2", "--location", "https://ci.example.org/7/")
    assert again.stdout.count("imported again: it has changed") == 2
    passes = cli("history", "query", "passes", "--test", "fork")
    assert passes.returncode == 0
    assert "2026-11-01T02:00:00  2026-11-02T02:00:00" in passes.stdout
    rows = json.loads(cli("history", "query", "runs", "--format", "json").stdout)
    assert [row["location"] for row in rows] == [f"https://ci.example.org/7/night-{day}" for day in (2, 1)]
    said = cli("history", "query", "flakes", "--format", "csv").stdout
    assert [row["test"] for row in csv.DictReader(io.StringIO(said))] == ["fork", "thp"]
    pruned = cli("history", "prune", "--keep-days", "0")
    assert pruned.stdout.endswith("2 runs would be removed; --yes removes them\n")
    assert cli("history", "prune", "--keep-days", "0", "--yes").stdout.endswith("2 runs removed\n")
    assert json.loads(cli("history", "query", "runs", "--format", "json").stdout) == []
    database = sqlite3.connect(tmp_path / "home/state/orchestrate/history.db")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_a_run_without_a_report_is_judged_and_one_that_is_unreadable_keeps_no_other_out(
    cli: Cli, tmp_path: Path
) -> None:
    good = run_directory(tmp_path / "runs/a", GOOD)
    (good / "report.json").write_text('{"schema": 1}')  # of an older version
    (tmp_path / "runs/b").mkdir()
    (tmp_path / "runs/b/run.json").write_text("no JSON")
    run_directory(tmp_path / "runs/c", BAD)
    done = cli("history", "import", "runs")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert [line.endswith(": imported") for line in lines] == [True, False, True]
    assert "run.json" in lines[1]


def test_a_copy_of_a_run_is_the_same_run(cli: Cli, tmp_path: Path) -> None:
    """Also of one that was made before runs had an id."""
    for name, more in (("new", {"id": "abc"}), ("old", {})):
        run_directory(tmp_path / name, GOOD, key="the same", **more)
        run_directory(tmp_path / f"{name}.copy", GOOD, key="the same", **more)
        cli("history", "import", name, f"{name}.copy")
    rows = json.loads(cli("history", "query", "runs", "--format", "json").stdout)
    assert sorted(Path(row["location"]).name for row in rows) == ["new.copy", "old.copy"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["query"], "no such question"),
        (["query", "flake"], "did you mean flakes"),
        (["query", "runs"], "there is no history"),
        (["query", "runs", "--since", "yesterday"], "no date"),
        (["import", "nowhere"], "nowhere: no such file or directory"),
        (["import", __file__], "JUnit and other results of others are not read"),
        (["import"], "a run directory has a run.json"),
        (["prune"], "--keep-days"),
        (["prune", "--keep-days", "nan"], "--keep-days"),
        (["prune", "--keep-days", "1e99"], "--keep-days"),
        (["query", "runs", "--history", "mysql://x/y"], "no history"),
    ],
)
def test_what_is_wrong_is_named(cli: Cli, words: list[str], said: str) -> None:
    done = cli("history", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_sqlalchemy_the_way_to_it_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['sqlalchemy'] = None\n")
    done = cli("history", "query", "runs", env={"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"})
    assert done.returncode == 3
    assert "-m pip install 'orchestrate[history]'" in done.stderr


def test_verdicts_of_all_kinds_go_in(database: Database) -> None:
    for day, verdict in enumerate(Verdict, 1):
        stage = StageResult("build", Outcome.FAIL, 1.0, "no", is_patch_fault=True)
        keep(database, night(day, replace(report(suite(stages=(stage,))), verdict=verdict)))
    assert [row["verdict"] for row in ask(database, "runs")][::-1] == [verdict.name for verdict in Verdict]


def test_a_tree_that_is_a_setting_is_no_filter(cli: Cli, history: Path, tree: Path) -> None:
    """`tree` is the directory that kernels are made of; a question's --tree is a name in the history."""
    words = ("history", "query", "runs", "--history", str(history), "--last", "3", "--format", "json")
    done = cli(*words, env={"ORCHESTRATE_TREE": str(tree)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == cli(*words).stdout
    assert len(json.loads(done.stdout)) == 3
    assert json.loads(cli(*words, "--tree", "*linux*").stdout) != json.loads(done.stdout)


def test_a_filter_restricts_what_it_is_said_to_restrict(history: Path) -> None:
    database = open_database(str(history), create=False)
    with database.reading() as connection:
        for name, ask in QUESTIONS.items():
            everything = ask(connection, Filter()).rows
            assert everything, name
            for filter_, questions in RESTRICTED_BY.items():
                restricted = ask(connection, Filter(**{filter_: "no such name"})).rows != everything  # type: ignore[arg-type]
                assert restricted is (name in questions), (name, filter_)


def test_a_filter_that_says_nothing_of_a_question_is_refused(cli: Cli, history: Path) -> None:
    done = cli("history", "query", "trees", "--metric", "vma*", "--history", str(history))
    assert done.returncode == 2
    assert "--metric says nothing of `history query trees`" in done.stderr


@pytest.mark.parametrize("last", ["0", "9" * 30])
def test_a_number_of_rows_that_no_database_takes_is_refused(cli: Cli, history: Path, last: str) -> None:
    done = cli("history", "query", "runs", "--last", last, "--history", str(history))
    assert (done.returncode, "--last" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_history_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # which SQLite would wait for
    for path in (tmp_path, tmp_path / "pipe"):
        for create in (True, False):
            with pytest.raises(UsageError, match=r"no file, so no history|there is no history"):
                open_database(str(path), create=create)


@pytest.mark.parametrize("question", ["metric", "passes", "machines", "news"])
def test_the_first_rows_alone(cli: Cli, history: Path, question: str) -> None:
    done = cli("history", "query", question, "--last", "1", "--format", "csv", "--history", str(history))
    assert len(done.stdout.splitlines()) == 2, done.stderr  # with the names of the columns
