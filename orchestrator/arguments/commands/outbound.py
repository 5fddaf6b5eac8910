"""Commands that send or show the results of runs to other programs and people."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Command, Group, option, switch
from orchestrator.arguments.exit_status import REQUEST
from orchestrator.arguments.options import reports

SEND = Command(
    "send",
    "send a run's results to servers, or to the authors of the series",
    "Judges runs again and sends what is new in them; no other command sends anything. Only regressions are sent, "
    "unless --all is given, and nothing is sent twice. What could not be sent stays in the run directory, and the "
    "same command tries again. Servers, projects and token files are settings.",
    (
        ("orchestrate send RUN_DIR --reply --dry-run", "who would get an answer to the series: RUN_DIR/reply.mbox"),
        ("orchestrate send RUN_DIR --patchwork --reply", "checks for the patches, and the answer"),
        ("orchestrate send RUN_DIR --kcidb --all", "the results, good or bad, to KernelCI's database"),
    ),
    (
        option(
            "run_dirs",
            nargs="+",
            type=Path,
            metavar="RUN_DIR",
            completes="directory",
            help="the directories that runs printed",
        ),
    ),
    (
        Group(
            "what is sent",
            (
                switch("--kcidb", help="kcidb.json, to a server of kcidb-ng"),
                switch("--patchwork", help="a check for each patch that the run has a result for"),
                switch("--squad", help="squad.json, to a SQUAD server"),
                switch("--reply", help="reply.mbox, by git send-email"),
                switch("--all", help="send even if nothing regressed"),
                switch("--again", help="send even what was sent before"),
                switch("--dry-run", help="show what would be sent and to whom, and send nothing"),
            ),
        ),
        Group(
            "where to",
            (
                option("--kcidb-server", metavar="URL", help="for example https://staging.db.kernelci.org"),
                option("--patchwork-server", metavar="URL", help="for example https://patchwork.kernel.org"),
                option("--patchwork-project", metavar="NAME", help="the patchwork project that has the patches"),
                option("--squad-server", metavar="URL", help="the address of a SQUAD server"),
                option("--squad-project", metavar="GROUP/PROJECT", help="the SQUAD group and project"),
                reports.CI_NAME,
                reports.LOCATION,
            ),
        ),
    ),
    (
        (0, "everything was sent, was sent before, or is not new"),
        REQUEST,
        (3, "something was not sent: stderr says what, and why"),
    ),
)

B4_CHECK = Command(
    "b4-check",
    "tell `b4 review` the results of a patch",
    "Reads a mail from stdin and prints, as a JSON array, the results of the latest runs of that patch, or of the "
    "whole series if the mail is its cover letter. This is the protocol of b4's check commands. Nothing is tested or "
    "sent.",
    (
        ("orchestrate b4-check <patch.eml", "the results of this patch"),
        ("orchestrate b4-check /srv/runs <patch.eml", "from run directories in another place"),
    ),
    (
        option(
            "run_dirs",
            nargs="*",
            type=Path,
            metavar="RUN_DIR",
            completes="directory",
            help="run directories, or directories of some (default: all runs of this user)",
        ),
    ),
    (Group("names", (reports.CI_NAME, reports.LOCATION)),),
)

COMMANDS = (SEND, B4_CHECK)
