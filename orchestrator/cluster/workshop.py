"""A job of another machine, done here as the local executor would do it: the same stages, journal and store."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path

from orchestrator.cluster.fetched import Peers, fetch_product
from orchestrator.cluster.served import FileServer
from orchestrator.cluster.task import Result, Task, Trouble, small_contents
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import Catalog
from orchestrator.errors import Interrupted, OrchestrateError, UsageError
from orchestrator.events import Event, Level, Note
from orchestrator.evidence.decode import keep_lines
from orchestrator.host.os_errors import situation
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.sandbox import Sandbox, try_it
from orchestrator.jobs.build import Finders
from orchestrator.jobs.perform import perform
from orchestrator.jobs.products import Products
from orchestrator.judge.attempts import classify
from orchestrator.model.artifact import Artifact, StoredProduct
from orchestrator.model.case import Case
from orchestrator.model.request import Plan, Request
from orchestrator.runs.record import KERNEL, KernelRecord
from orchestrator.storage import manifest
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import Store

LOOK_EVERY_S = 0.25
FindersOf = Callable[[Context, Request], Finders]


class Workshop:
    """Does tasks, several at a time. `home` is a directory of its own for what they write."""

    def __init__(
        self,
        places: Places,
        catalog: Catalog,
        finders: FindersOf,
        files: FileServer,
        peers: Peers,
        home: Path,
    ) -> None:
        self._places, self._catalog, self._finders = places, catalog, finders
        self._files, self._peers, self._home = files, peers, home
        self._lock = threading.Lock()
        self._running: dict[str, Cancel] = {}
        self._results: dict[str, tuple[Path, tuple[Artifact, ...]]] = {}
        self._offered: set[Path] = set()
        self._has_sandbox = False

    def do(self, task: Task, is_wanted: Callable[[], bool], slots: int) -> Result:
        """Do a task until it ends or is not wanted any more. Raises nothing but faults of our own code."""
        cancel, used, told = Cancel(), dict[Path, None](), list[tuple[str, str]]()

        def hear(event: Event) -> None:
            if isinstance(event, Note) and event.level >= Level.WARNING:
                told.append((event.text, event.detail))

        context = Context(self._places, self._catalog, Runner(cancel), hear, used=lambda path: used.setdefault(path))
        sandbox = Sandbox(task.plan.request.sandbox, context.runner, context.warn, self._try_sandbox)
        context = replace(context, runner=Runner(cancel, confine=sandbox))
        home = self._home / task.token
        ours = home / task.job.subject.name
        products: Products | None = None
        trouble: Trouble | None = None
        is_interrupted = False
        with self._watched(task.token, cancel, is_wanted):
            try:
                home.mkdir(parents=True)
                for offer in task.offers:
                    fetch_product(offer.product, offer.sources, context.store, self._peers, cancel.check)
                plan = replace(localised(task.plan, self._catalog), slots=slots)
                # the client keeps the record: what of it lies here is lost with us, and the job is done again
                products = Products(context, plan, home, self._finders(context, plan.request), is_synced=False)
                products.journal(task.job.subject).go_on(task.guests, has_booted=task.has_booted)
                perform(task.job, products)
            except Interrupted:
                is_interrupted = True
            except (OrchestrateError, OSError) as error:
                told_error = situation(error)
                trouble = Trouble(told_error.message, told_error.hint, told_error.detail, told_error.fault)
        record = products.journal(task.job.subject).record if products else None
        if record and not is_interrupted:
            self._keep_lines(context, task, record, ours)
        files, used_ones = self._keep(task, record), self._offer(context.store, used)
        known = {(offer.product.stage, offer.product.key) for offer in task.offers}
        news = [one for one in used_ones if (one.stage, one.key) not in known]
        contents = small_contents(
            [
                *((ours / file.name, file) for file in files),
                *((context.store.root / one.stage / one.key / file.name, file) for one in news for file in one.files),
            ]
        )
        return Result(
            record=record,
            files=files,
            private=_private(ours, files),
            products=used_ones,
            contents=contents,
            source=self._files.url,
            store=str(context.store.root),
            refused=tuple(products.refused().items()) if products else (),
            left_out=tuple(products.left_out(task.job.subject.kernel.variant.name).items()) if products else (),
            warnings=tuple(told),
            trouble=trouble,
            is_interrupted=is_interrupted,
        )

    def _try_sandbox(self, runner: Runner) -> None:
        """Once it has worked it does: each job would start a program for it. Raises as sandbox.try_it."""
        if not self._has_sandbox:
            try_it(runner)
            self._has_sandbox = True

    def stop(self, token: str) -> None:
        """End a task's programs; its result says what was recorded until then."""
        with self._lock:
            if cancel := self._running.get(token):
                cancel.set()

    def stop_all(self) -> None:
        with self._lock:
            for cancel in self._running.values():
                cancel.set()

    def release(self, token: str) -> None:
        """The client has the files of a result, or does not want them."""
        with self._lock:
            home, files = self._results.pop(token, (self._home / token, ()))
        self._files.offered.withdraw(home, files)
        shutil.rmtree(self._home / token, ignore_errors=True)

    @contextmanager
    def _watched(self, token: str, cancel: Cancel, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Stop when the task is not wanted any more: its client is gone, or we are given up by the scheduler."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_EVERY_S):
                if not is_wanted():
                    cancel.set()
                    return

        watcher = threading.Thread(target=watch, name=f"watch {token}", daemon=True)
        with self._lock:
            self._running[token] = cancel
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            with self._lock:
                del self._running[token]

    def _keep_lines(self, context: Context, task: Task, record: KernelRecord, home: Path) -> None:
        """Beside the record: the client may never have had the source of this kernel."""
        with suppress(Interrupted, OSError):
            suite = classify(record, home, task.plan.known)
            keep_lines(self._places, context.runner, suite, task.plan.series, task.token, home)

    def _keep(self, task: Task, record: KernelRecord | None) -> tuple[Artifact, ...]:
        """The files of the subject's directory but for the record, served from now on."""
        home = self._home / task.token / task.job.subject.name
        if record is None or not home.is_dir():
            return ()
        found = (path for path in home.rglob("*") if path != home / KERNEL)
        paths = sorted(path for path in found if path.is_file() and not path.is_symlink())
        files = tuple(Artifact(str(path.relative_to(home)), file_digest(path), path.stat().st_size) for path in paths)
        with self._lock:
            self._results[task.token] = (home, files)
        self._files.offered.offer(home, files)
        return files

    def _offer(self, store: Store, used: dict[Path, None]) -> tuple[StoredProduct, ...]:
        """The products that a task used and that still exist, served from now on."""
        found = []
        for path in used:
            with suppress(ValueError):
                product = StoredProduct(path.parent.name, path.name, manifest.artifacts(path))
                found.append(product)
                with self._lock:
                    is_new = path not in self._offered
                    self._offered.add(path)
                if is_new:
                    self._files.offered.offer(path, product.files)
        return tuple(found)


def _private(home: Path, files: tuple[Artifact, ...]) -> tuple[str, ...]:
    """Those that only their owner may read."""
    return tuple(file.name for file in files if not (home / file.name).stat().st_mode & 0o077)


def localised(plan: Plan, catalog: Catalog) -> Plan:
    """The plan with this machine's directories of cases. Raises UsageError where a case is another one here."""
    return replace(plan, cases=tuple(_local(case, catalog) for case in plan.cases))


def _local(case: Case, catalog: Catalog) -> Case:
    ours = catalog.testcases.get(case.name)
    if ours is None or any(
        getattr(ours, one.name) != getattr(case, one.name) for one in fields(case) if one.name != "directory"
    ):
        raise UsageError(
            f"test case {case.name} is another one at this worker, or none",
            hint="start the worker with the same ORCHESTRATE_ROOT",
        )
    return ours
