"""orchestrate send: send a run's results to servers and authors. No other command sends anything."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.commands.report import report_of
from orchestrator.context import Places
from orchestrator.errors import Fault, NotSent, OrchestrateError, UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.real_path import real_path
from orchestrator.judge.mutation_run import MUTATION_RUN
from orchestrator.judge.run import RUN
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.outbound import kcidb, mail, patchwork, squad
from orchestrator.outbound.ledger import open_ledger
from orchestrator.outbound.parcel import Delivery, How, Parcel, deliver
from orchestrator.outbound.tokens import read_token
from orchestrator.reporters import stream
from orchestrator.reporters.elsewhere import is_regression, run_id
from orchestrator.reporters.text import printable
from orchestrator.runs.record import RunRecord, load_record
from orchestrator.settings.keys import Settings
from orchestrator.web.api import Server, check_transport

KINDS = ("kcidb", "patchwork", "squad", "reply")
SCHEMES = {"kcidb": kcidb.SCHEME, "patchwork": patchwork.SCHEME, "squad": squad.SCHEME}


def run(args: argparse.Namespace) -> int:
    """Everything that can be wrong with the request is found before anything is sent."""
    kinds = [kind for kind in KINDS if getattr(args, kind)]
    if not kinds:
        raise UsageError("nothing to send is named", hint=", ".join(f"--{kind}" for kind in KINDS))
    cancel = Cancel()
    servers = {kind: server(kind, args.settings, cancel) for kind in kinds if kind in SCHEMES}
    if "squad" in kinds and not args.settings.squad_project:
        raise UsageError("which project of SQUAD?", hint="--squad-project GROUP/PROJECT, or the setting squad_project")
    records = {real_path(run_dir): load_record(RunRecord, run_dir / RUN) for run_dir in args.run_dirs}
    status = 0
    with open_ledger(Places.of_user(args.settings.cache).state) as ledger:
        for run_dir, record in records.items():
            if (run_dir / MUTATION_RUN).is_file():
                _say(f"{run_dir}: a mutation run is no news of a series: nothing sent")
                continue
            report = report_of(run_dir, record, args)
            parcels = _parcels(kinds, report, run_dir, servers, args, Runner(cancel))
            is_news = False
            for done in deliver(parcels, ledger, run_id(report), again=args.again, is_rehearsal=args.dry_run):
                is_news = True
                status = max(status, _told(done, run_dir))
            if not is_news:
                _say(f"{run_dir}: {_why_nothing(report, with_all=args.all)}")
    return status


def server(kind: str, settings: Settings, cancel: Cancel) -> Server:
    """The server of this kind, as the settings and options name it. Raises UsageError."""
    address: str | None = getattr(settings, f"{kind}_server")
    if not address:
        raise UsageError(f"which server? --{kind} needs one", hint=f"--{kind}-server URL, or the setting {kind}_server")
    check_transport(address, settings.plain_http or "loopback")
    token = read_token(f"{kind}_token", getattr(settings, f"{kind}_token"), os.environ)
    return Server(address, SCHEMES[kind], token, cancel.sleep)


def _parcels(
    kinds: list[str],
    report: RunReport,
    run_dir: Path,
    servers: dict[str, Server],
    args: argparse.Namespace,
    runner: Runner,
) -> Iterator[Parcel]:
    """Those that are news for others: of a run without a regression only if everything is to be sent, or instead of
    what was said before."""
    is_wanted = args.all or is_regression(report)
    if "kcidb" in kinds and is_wanted:
        yield from kcidb.parcels(report, run_dir, servers["kcidb"])
    if "patchwork" in kinds:
        project = args.settings.patchwork_project or ""
        yield from patchwork.parcels(report, run_dir, servers["patchwork"], project, with_passes=args.all)
    if "squad" in kinds and is_wanted:
        yield from squad.parcels(run_dir, servers["squad"], args.settings.squad_project)
    if "reply" in kinds and is_wanted:
        yield from mail.parcels(report, run_dir, runner)


def _why_nothing(report: RunReport, *, with_all: bool) -> str:
    if is_regression(report) or with_all:
        return "there is nothing to send: the series is no mail with a Message-ID, or nothing is known of it"
    what = report.verdict.value
    if report.verdict is Verdict.PATCH_AT_FAULT:
        what = "that the failure is new is not settled by comparing with the base"
    return f"nothing sent: {what}; only regressions are, unless --all is given"


def _told(done: Delivery, run_dir: Path) -> int:
    """Say what became of a parcel. Returns its share of the exit status."""
    parcel = done.parcel
    words = "; ".join(part for part in (f"{done.how.value}: {parcel.what}", f"to {parcel.to}", done.words) if part)
    if done.how is not How.NOT_SENT:
        _say(words)
        return 0
    error: OrchestrateError = done.error or NotSent("")
    stream.tell(f"orchestrate: {printable(f'not sent: {parcel.what}: {error.message}')}\n")
    for line in error.detail.rstrip().splitlines():
        stream.tell(f"    {line}\n")
    for hint in filter(None, (error.hint, f"{run_dir / parcel.file} is kept: the same command sends it again")):
        stream.tell(f"hint: {printable(hint)}\n")
    return Fault.INFRASTRUCTURE.value


def _say(words: str) -> None:
    stream.out(f"{printable(words)}\n")
