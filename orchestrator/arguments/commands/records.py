"""Commands that read what was recorded: runs, logs, memory dumps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.arguments.command import Command, Group, option, switch
from orchestrator.arguments.exit_status import VERDICT
from orchestrator.arguments.options import reports
from orchestrator.arguments.options.cases import KNOWN_ISSUES
from orchestrator.arguments.options.messages import COLOR, QUIET

CLASSIFY = Command(
    "classify",
    "find kernel reports in log files, or judge a run again",
    "Lists the kernel reports (oopses, warnings, sanitizer reports, stalls, ...) in log files, or judges a run "
    "directory again with today's rules.",
    (
        ("orchestrate classify dmesg.txt /var/log/kern.log.2.gz", "any logs, plain or compressed"),
        ("journalctl -k | orchestrate classify - --json -", "from a pipe, as JSON"),
        ("orchestrate classify console.log --exit-code --format github", "as a step of a GitHub workflow"),
    ),
    (
        option(
            "paths",
            nargs="+",
            type=Path,
            metavar="FILE|RUN_DIR",
            completes="file",
            help="console logs, dmesg, syslog, ... (plain, gzip, xz or bzip2; - is stdin), or one run directory",
        ),
    ),
    (
        Group(
            "kernel reports",
            (
                option(
                    "--vmlinux",
                    type=Path,
                    metavar="FILE",
                    completes="file",
                    help="decode addresses to source lines; the vmlinux of the kernel that ran",
                ),
                replace(KNOWN_ISSUES, help="kernel reports that do not count as failures"),
            ),
        ),
        Group(
            "reports",
            (
                reports.json("the list"),
                option(
                    "--format",
                    choices=("text", "github"),
                    default="text",
                    metavar="FORMAT",
                    help="how stdout lists them: text, or annotations for a GitHub workflow (github)",
                ),
                switch("--exit-code", help="let the exit status say what is in the logs"),
            ),
        ),
        Group("messages", (QUIET, COLOR)),
    ),
    (
        (0, "all files could be read; with --exit-code: and nothing in them is a failure"),
        (1, "with --exit-code: a kernel report is a failure (crash or fail)"),
        (2, "a file could not be read, or the request is wrong"),
        (3, "the host is at fault; with --exit-code: lines look like a report that could not be read"),
    ),
)

REPORT = Command(
    "report",
    "judge a run again, show its report and write its files",
    "Judges the recorded attempts of a run again, writes report.html, report.json, junit.xml and the others, and shows "
    "the summary. The exit status is that of the run.",
    (("orchestrate report RUN_DIR --junit junit.xml", "the JUnit file of a run that is over"),),
    (option("run_dir", type=Path, metavar="RUN_DIR", completes="directory", help="the directory that a run printed"),),
    (
        Group(
            "reports",
            (
                reports.JUNIT,
                reports.json("the report"),
                *reports.OTHERS,
                *reports.COVERAGE_FILES,
                *reports.NAMES,
            ),
        ),
        reports.ELSEWHERE,
        Group("messages", (QUIET, COLOR)),
    ),
    VERDICT,
)

POSTMORTEM = Command(
    "postmortem",
    "open drgn on the memory dump that a hung or crashed case left",
    "Opens drgn on the memory of the guest, with the VMAs, locks and waiting tasks that the report names at hand.",
    (
        ("orchestrate postmortem RUN_DIR/base.patched/uffd", "the latest attempt of the case uffd"),
        ("orchestrate postmortem RUN_DIR/base.patched/boot", "a guest that did not boot"),
    ),
    (
        option(
            "case_dir",
            type=Path,
            metavar="RUN_DIR/KERNEL/CASE",
            completes="directory",
            help="the case, or a directory with a memory dump",
        ),
    ),
    (Group("output", (switch("--print", help="print the post-mortem to stdout instead"),)),),
)

QUESTIONS = (  # as in history.questions
    "news", "runs", "results", "kernels", "files", "tests", "passes", "matrix", "flakes", "titles", "reports", "known",
    "metric", "trends", "changes", "mutants", "coverage", "trees", "series", "versions", "labels", "machines",
)  # fmt: skip

HISTORY = Command(
    "history",
    "keep runs in a database, and query it",
    "Keeps runs as rows in an SQLite file or on a PostgreSQL server. `import` adds run directories, or updates those "
    "that changed. `query` asks a question (news: what is new since the day before; passes: when a test last passed; "
    "matrix: cases x runs; titles: since when a kernel report exists; flakes: how often a case fails; metric, "
    "changes: values over time, and where their level changed; mutants, coverage: the scores over time; known: known "
    "issues that expired or were never seen; docs/history.md describes all of them). `prune` removes old runs.",
    (
        ("orchestrate history import", "all runs of this user"),
        ("orchestrate history import RUN_DIR --history postgresql://ci@db/orchestrate", "a run into a server"),
        ("orchestrate history query news", "what began to fail in the last day, what still fails, what is missing?"),
        ("orchestrate history query passes --test split-merge", "when did it last pass, since when does it fail?"),
        ("orchestrate history query metric --test scale --metric 'vma*' --format csv", "a metric over time"),
        ("orchestrate history prune --keep-days 365 --yes", "forget runs of more than a year ago"),
    ),
    (
        option("action", choices=("import", "query", "prune"), metavar="ACTION", help="import, query or prune"),
        option(
            "words",
            nargs="*",
            metavar="RUN_DIR|QUESTION",
            completes="directory",
            help="import: run directories, or directories of some (default: all runs of this user); query: one of "
            f"{', '.join(QUESTIONS)}",
        ),
    ),
    (
        Group(
            "history",
            (
                option(
                    "--history",
                    metavar="FILE|URL",
                    completes="file",
                    help="the history (default: the setting history, else history.db in the state directory)",
                ),
                option(
                    "--location",
                    metavar="URL",
                    help="import: the URL of the directory in which others find these runs",
                ),
            ),
        ),
        Group(
            "what a question is about",
            (
                option("--test", metavar="NAME", help="only these tests: CASE, CASE.SUBTEST or a stage; * and ? match"),
                option("--kernel", metavar="NAME", help="only these kernels: KCONFIG.ARCH.COMPILER; * and ? match"),
                option("--series", metavar="NAME", help="only runs of these series; * and ? match"),
                option(  # `tree` is a setting: the directory of a tree
                    "--tree",
                    dest="tree_name",
                    metavar="NAME",
                    help="only runs on these trees, as `query trees` names them",
                ),
                option("--metric", metavar="NAME", help="only these metrics; * and ? match"),
                option("--title", metavar="TITLE", help="only kernel reports with these titles; * and ? match"),
                option("--since", metavar="DATE", help="only runs since then (UTC, YYYY-MM-DD)"),
                option(
                    "--last", type=int, metavar="N", help="only the first N rows; of matrix: only the latest N runs"
                ),
            ),
        ),
        Group(
            "output",
            (
                option(
                    "--format",
                    choices=("table", "json", "csv"),
                    default="table",
                    metavar="FORM",
                    help="table (default), json or csv",
                ),
            ),
        ),
        Group(
            "what is pruned",
            (
                option("--keep-days", type=float, metavar="N", help="prune: runs that began more than N days ago"),
                switch("--yes", help="prune: remove them (default: only list them)"),
            ),
        ),
    ),
)

DASHBOARD = Command(
    "dashboard",
    "show the history in a browser",
    "Serves the history read-only: what is new since yesterday, trees, series, cases x runs, kernel reports, metrics, "
    "mutation scores, coverage, machines; each page as HTML and as JSON. It listens on this machine alone; any other "
    "address needs a token. With --export it writes the same pages as files and ends.",
    (
        ("orchestrate dashboard", "http://127.0.0.1:8321/ until Ctrl-C"),
        ("orchestrate dashboard --host 0.0.0.0 --token-file token", "for others, who must have the token"),
        ("orchestrate dashboard --export /var/www/kernel", "files for any web server"),
    ),
    (),
    (
        Group(
            "dashboard",
            (
                option("--history", metavar="FILE|URL", completes="file",
                       help="the history (default: the setting history, else history.db in the state directory)"),
                option("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)"),
                option("--port", type=int, default=8321, metavar="N", help="its port (default: 8321; 0: any free one)"),
                option("--token-file", metavar="FILE", completes="file",
                       help="a file with the token that readers must have; needed beside this machine's own addresses"),
                option("--export", metavar="DIR", completes="directory", help="write all pages there instead"),
            ),
        ),
    ),
)  # fmt: skip

COMMANDS = (CLASSIFY, REPORT, POSTMORTEM, HISTORY, DASHBOARD)
