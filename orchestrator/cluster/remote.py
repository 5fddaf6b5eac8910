"""A run's jobs on a cluster: place each job, follow it, and copy its record here, as if it had been done locally."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from orchestrator.cluster import placement
from orchestrator.cluster.connection import Connection
from orchestrator.cluster.fetched import Peers, fetch, fetch_product, inside
from orchestrator.cluster.members import members_for, wanted
from orchestrator.cluster.placement import Member
from orchestrator.cluster.served import FileServer
from orchestrator.cluster.task import Offer, Result, Task, Trouble
from orchestrator.errors import ClusterUnavailable, Fault, HostRefused, Interrupted, OrchestrateError, WorkersUnfit
from orchestrator.guest.guest import INITRAMFS
from orchestrator.jobs.journal import Stopped
from orchestrator.jobs.products import Products
from orchestrator.jobs.reproduce import SCRIPT, write_script
from orchestrator.model.job import (
    Build,
    CompareBuilds,
    CompileChanged,
    Configure,
    HostTest,
    Job,
    MakePrograms,
    Session,
    StaticChecks,
)
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, BUILD, COMPILE, COST, PROGRAMS, STATIC_CHECKS
from orchestrator.storage.store import Store

MACHINES = 2  # that may fail a job before it is given up
LOOK_EVERY_S = 0.25
NOBODY_S = 60.0  # to wait for a worker that may do a job


@dataclass(frozen=True)
class _Back:
    """What came back from one try of a job: `files` is where the files of its subject are now."""

    token: str
    result: Result
    files: Path


@dataclass(frozen=True)
class Shared:
    """What the runs of this client know together: what is used of the workers, so that they keep out of each other's
    way, and what was built, so that no run builds it again. Whoever reads or changes it holds the turn."""

    turn: threading.Condition = field(default_factory=threading.Condition)
    used: defaultdict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))  # shares, by address
    kept_free: Counter[str] = field(default_factory=Counter)  # builds that wait, by address
    # by kernel, stage and key
    offers: defaultdict[str, dict[tuple[str, str], Offer]] = field(default_factory=lambda: defaultdict(dict))


class Remote:
    """The executor of one run. `perform` may be called by several threads, one for each job."""

    def __init__(
        self,
        connection: Connection,
        products: Products,
        files: FileServer,
        peers: Peers,
        shared: Shared,
    ) -> None:
        """Raises ToolMissing, CommandFailed where a compiler of the plan is not here."""
        self._connection, self._products, self._files, self._peers = connection, products, files, peers
        self._context, self._plan = products.context, products.plan
        self._cancel = products.context.runner.cancel
        self._turn, self._used, self._kept_free = shared.turn, shared.used, shared.kept_free
        self._offers = shared.offers
        self._members: tuple[Member, ...] = ()
        self._looked_s = -LOOK_EVERY_S
        self._warned: set[str] = set()
        self._adopting: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._wanted = wanted(products)

    def slots(self) -> int:
        """Guests at a time, on all workers. Raises ClusterUnavailable if there is no worker, WorkersUnfit if none of
        them can work for this run."""
        with self._turn:
            members = self._look()
        if not members:
            error = WorkersUnfit if self._warned else ClusterUnavailable
            why = "\n".join(sorted(self._warned))
            raise error("no worker can work for this run", detail=why, hint="start `orchestrate worker`")
        return sum(one.slots for one in members)

    def perform(self, job: Job) -> None:
        """Do a job on some machine, and on another one if that fails. What two machines fail at is recorded as an error
        of theirs. Raises Interrupted, ClusterUnavailable."""
        failures: list[str] = []
        avoided: set[str] = set()
        while len(failures) < MACHINES:
            with self._placed(job, avoided) as member:
                if member is None:
                    failures.append("there is no other worker")
                    break
                avoided.add(member.about.life)
                try:
                    back = self._try(job, member)
                except (OrchestrateError, OSError) as error:
                    if isinstance(error, Interrupted | ClusterUnavailable):
                        raise
                    failures.append(f"{member.about.name}: {error}")
                    self._context.warn(f"{name_of(job)}: {failures[-1]}")
                    continue
                try:
                    if why := failure_of_host(back.result):
                        failures.append(f"{member.about.name}: {why}")
                        self._context.warn(f"{name_of(job)}: {failures[-1]}")
                        if not self._is_last(failures, avoided):
                            continue
                    self._adopt(job, back, member)
                finally:
                    shutil.rmtree(back.files, ignore_errors=True)
                    self._connection.release(back.token)
                trouble = back.result.trouble
                if back.result.is_interrupted:
                    raise Interrupted("interrupted", hint="run the same command again: it continues where it stopped")
                if trouble is None:
                    return
                if trouble.fault is not Fault.INFRASTRUCTURE:
                    self._record(job, trouble)
                    return
        self._record(job, Trouble(f"no machine could do it: {'; '.join(failures)}"))

    def _try(self, job: Job, member: Member) -> _Back:
        """Raises WorkerLost, DownloadFailed, HostRefused, Interrupted, ClusterUnavailable."""
        token = f"{job.subject.name}-{uuid.uuid4().hex[:12]}"
        with self._turn:
            offers = tuple(self._offers[job.subject.kernel.id].values())
        journal = self._products.journal(job.subject)
        plan = replace(self._plan, slots=member.slots)
        task = Task(token, job, plan, offers, journal.record.guests, journal.has_booted)
        share = float(placement.takes(job, member)) * 0.999  # Dask adds up floats
        self._context.say(f"{name_of(job)}: {member.about.name}")
        result = self._connection.do(task, member.address, member.slots, share, self._cancel)
        try:
            return _Back(token, result, self._take_files(result, has_guest=journal.record.guests > 0))
        except BaseException:
            self._connection.release(token)
            raise

    def _take_files(self, result: Result, *, has_guest: bool) -> Path:
        """A directory with the files of a result. `has_guest`: we have those of the kernel's first guest, which alone
        keeps its initramfs. Raises DownloadFailed, HostRefused."""
        home = Path(tempfile.mkdtemp(prefix=".from-worker-", dir=self._products.run_dir))
        try:
            for file in result.files:
                if has_guest and Path(file.name).name == INITRAMFS:
                    continue
                fetch(file, (result.source,), inside(home, file.name), self._peers, contents=result.contents)
                if file.name in result.private:  # until now its directory is ours alone
                    (home / file.name).chmod(0o600)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        return home

    def _is_last(self, failures: list[str], avoided: set[str]) -> bool:
        with self._turn:
            return len(failures) >= MACHINES or all(one.about.life in avoided for one in self._look())

    def _adopt(self, job: Job, back: _Back, member: Member) -> None:
        """Take over what a worker has recorded, and the products that it used."""
        result, subject = back.result, job.subject
        for text, detail in result.warnings:
            if text not in self._warned:
                self._warned.add(text)
                self._context.warn(f"{member.about.name}: {text}", detail)
        if not result.is_interrupted:
            self._take_products(job, result)
        self._products.told(subject, dict(result.refused), dict(result.left_out))
        if result.record is None:
            return
        journal = self._products.journal(subject)
        with self._adopting[subject.name]:
            script = back.files / SCRIPT
            if script.exists():
                ours = script.read_text().replace(result.store, str(self._context.store.root))
                write_script(self._products.run_dir, subject.name, ours)
                script.unlink()
            journal.adopt(result.record, back.files)
            if journal.record.facts.build_id and not journal.record.earlier_base:
                self._products.recall_base(subject)

    def _take_products(self, job: Job, result: Result) -> None:
        """Have what a worker used in our store too: reports are decoded from it, and other workers get it from here
        when that worker is gone."""
        store, check = Store(self._context.store.root), self._cancel.check
        for product in result.products:
            with suppress(OrchestrateError):  # it still has it: we are a second source only
                home = fetch_product(product, (result.source,), store, self._peers, check, result.contents)
                with self._turn:
                    offers = self._offers[job.subject.kernel.id]
                    is_new = (product.stage, product.key) not in offers
                    offers[product.stage, product.key] = Offer(product, (result.source, self._files.url))
                if is_new:
                    self._files.offered.offer(home, product.files)

    def _record(self, job: Job, trouble: Trouble) -> None:
        """As the result of the stage that the job is about."""

        def fail() -> None:
            error = OrchestrateError if trouble.fault is not Fault.INFRASTRUCTURE else HostRefused
            raised = error(trouble.message, hint=trouble.hint, detail=trouble.detail)
            raised.fault = trouble.fault
            raise raised

        with suppress(Stopped):
            self._products.journal(job.subject).stage(stage_of(job), fail)  # type: ignore[arg-type]

    @contextmanager
    def _placed(self, job: Job, avoided: set[str]) -> Iterator[Member | None]:
        """A worker, for as long as it works on the job; None if there is none that may."""
        member = self._wait_for(job, avoided)
        try:
            yield member
        finally:
            if member:
                with self._turn:
                    self._used[member.address] -= placement.takes(job, member)
                    self._turn.notify_all()

    def _wait_for(self, job: Job, avoided: set[str]) -> Member | None:
        waits_for = ""
        nobody_since_s = time.monotonic()
        with self._turn:
            try:
                while True:
                    self._cancel.check()
                    members = self._look()
                    others = {address for address in +self._kept_free if address != waits_for}
                    if found := placement.place(job, members, self._used, avoided, others):
                        self._used[found.address] += placement.takes(job, found)
                        return found
                    if any(one.about.life not in avoided for one in members):
                        nobody_since_s = time.monotonic()
                    elif time.monotonic() > nobody_since_s + NOBODY_S:
                        return None
                    if not waits_for and (awaited := placement.awaited(job, members, avoided)):
                        waits_for = awaited.address
                        self._kept_free[waits_for] += 1
                    self._turn.wait(LOOK_EVERY_S)
            finally:
                if waits_for:
                    self._kept_free[waits_for] -= 1
                    self._turn.notify_all()

    def _look(self) -> tuple[Member, ...]:
        """The workers that can work for this run now. Says once why others cannot. Holds the turn."""
        if time.monotonic() > self._looked_s + LOOK_EVERY_S:
            fit, excluded = members_for(self._connection.announced(), self._plan, self._wanted)
            for why in excluded:
                if why not in self._warned:
                    self._warned.add(why)
                    self._context.warn(f"a worker is left out: {why}")
            self._members, self._looked_s = fit, time.monotonic()
        return self._members


def failure_of_host(result: Result) -> str:
    """Why another machine may do better, empty if none would."""
    if result.is_interrupted:
        return ""
    if result.trouble:
        return result.trouble.message if result.trouble.fault is Fault.INFRASTRUCTURE else ""
    stages = result.record.stages if result.record else ()
    bad = (one for one in stages if one.outcome is Outcome.ERROR and not one.is_request_fault)
    return next((f"{one.stage}: {one.message}" for one in bad), "")


def stage_of(job: Job) -> str:
    """The stage that a job is about."""
    match job:
        case Configure():
            return "configure"
        case MakePrograms():
            return PROGRAMS
        case Build():
            return BUILD
        case HostTest():
            return job.test
        case StaticChecks():
            return STATIC_CHECKS
        case CompareBuilds():
            return COST
        case CompileChanged():
            return COMPILE
        case Session():
            return BOOT


def name_of(job: Job) -> str:
    return f"{job.subject.name} {stage_of(job) if not isinstance(job, Session) else f'session {job.number}'}"
