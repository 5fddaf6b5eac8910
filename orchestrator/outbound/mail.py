"""The answer to a series through `git send-email`, which knows its user's mail server, name and password.

Only those get it whom the file names: what the user's configuration adds to patches (sendemail.to, .cc, .bcc, commands)
is left out.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from orchestrator.errors import NotSent, ToolMissing
from orchestrator.host.environment import identity
from orchestrator.host.process import Command, Runner
from orchestrator.model.report import RunReport
from orchestrator.outbound.parcel import Parcel
from orchestrator.reporters.elsewhere import news
from orchestrator.reporters.reply import answered, recipients, subject
from orchestrator.reporters.table import REPLY

TIME_S = 180.0
MAIL = "git send-email"
# A command of the user's own that finds recipients of patches would be run for an answer too
_NO_COMMANDS = ("-c", "sendemail.tocmd=true", "-c", "sendemail.cccmd=true", "-c", "sendemail.headercmd=true")
_OPTIONS = (
    "--confirm=never",
    "--no-annotate",
    "--no-validate",  # it is no patch
    "--no-thread",  # In-Reply-To and References stand in the file
    "--no-to",
    "--no-cc",
    "--no-bcc",
    "--suppress-cc=author",
    "--suppress-cc=body",
    "--suppress-cc=cccmd",
    "--no-signed-off-by-cc",
    "--8bit-encoding=UTF-8",
)


def parcels(report: RunReport, run_dir: Path, runner: Runner) -> tuple[Parcel, ...]:
    """The answer in the run directory; none where there is none."""
    path, mail = run_dir / REPLY, answered(report)
    if mail is None or not path.is_file():
        return ()
    to, copy = recipients(mail)
    return (
        Parcel(
            MAIL,
            f"reply <{report.mails[0].message_id}>",
            news(report),
            f"{subject(mail)}, to {', '.join((*to, *copy))}",
            REPLY,
            partial(send, runner, path),
            partial(send, runner, path, is_rehearsal=True),
            is_once=True,
        ),
    )


def send(runner: Runner, path: Path, *, is_rehearsal: bool = False) -> str:
    """The first line of what git says. A rehearsal does everything but talk to the mail server. Raises NotSent."""
    dry = ("--dry-run",) if is_rehearsal else ()
    # not in a repository, whose configuration and hooks are another's
    argv = ("git", *_NO_COMMANDS, "send-email", *_OPTIONS, *dry, str(path))
    command = Command(argv, cwd=Path("/"), env=identity(os.environ))
    try:
        result = runner.run(command, timeout_s=TIME_S)
    except ToolMissing as error:
        raise NotSent(error.message, hint=error.hint) from error
    said = result.stderr.decode(errors="replace")
    if "is not a git command" in said:
        raise NotSent("git send-email is not installed", hint="apt-get install git-email")
    if result.status == 0:
        words = result.text.rstrip().splitlines()
        return next((line for line in reversed(words) if line.startswith("Result:")), "Result: OK")
    is_unsure = result.timed_out or "Result:" in result.text
    why = f"no end in {TIME_S:g} s" if result.timed_out else f"exit status {result.status}"
    raise NotSent(
        f"git send-email: {why}",
        hint="git config --global sendemail.smtpServer names the mail server: git help send-email",
        detail=result.tail(10),
        is_unsure=is_unsure,
    )
