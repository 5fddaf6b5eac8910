"""orchestrate nightly: test what a plan asks for and the history does not have yet, within a budget."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from orchestrator.arguments.parser import parser
from orchestrator.commands.bisect import Bisected
from orchestrator.commands.history import check_installed
from orchestrator.commands.night_history import NightHistory, ages_of, is_over
from orchestrator.commands.night_items import Ended, Stop, candidates, run_item
from orchestrator.commands.night_work import AtWork
from orchestrator.context import Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import ClusterUnavailable, Fault, HostRefused, Interrupted, OrchestrateError
from orchestrator.host.os_errors import situation
from orchestrator.host.process import Runner
from orchestrator.invocation.compose import command_line, identity_for, stoppable
from orchestrator.invocation.executors import LOCAL, Workforce, checked_executor, workforce
from orchestrator.invocation.targets import check_target, write_target
from orchestrator.judge.night import news_of, status_of, to_bisect
from orchestrator.judge.run import RUN
from orchestrator.model.night import (
    BISECT,
    RAN,
    TEST,
    WAITING,
    Culprit,
    Item,
    NightPlan,
    NightRecord,
    Priority,
    State,
)
from orchestrator.model.outcome import Verdict
from orchestrator.nights.night_dir import (
    NIGHT,
    RUNS,
    SERIES,
    claim_night,
    new_record,
    save_night,
)
from orchestrator.nights.plan_file import read_plan
from orchestrator.nights.targets import Looking
from orchestrator.nights.words import bisect_words, value_of
from orchestrator.parse.patches.threads import plain_name
from orchestrator.questions.night import changed, closed, in_order, items_of, next_item, rehearsed
from orchestrator.reporters import night_text, stream
from orchestrator.reporters.night_junit import junit
from orchestrator.reporters.outside import night_for_others
from orchestrator.reporters.text import printable
from orchestrator.settings.resolve import OPTION
from orchestrator.source.history import History
from orchestrator.storage.store import write_atomically
from orchestrator.web.fetch import check_plain
from orchestrator.words import counted, lasting

SUMMARY, JUNIT = "summary.md", "junit.xml"
STEPS = 4  # a bisection takes about as long as so many runs of the item
NOBODY_S = 60.0  # to wait for a worker


def run(args: argparse.Namespace) -> int:
    check_installed()
    plan = read_plan(args.plan, load_catalog(), check_words)
    for target in filter(None, (plan.results.markdown, plan.results.json, plan.results.junit)):
        check_target(target)
    places = Places.of_user(args.settings.cache)
    is_given = args.found["history"].origin == OPTION
    history = (args.history if is_given else plan.results.history or args.history) or str(places.history)
    nights = Path(plan.results.directory or places.nights)
    stop = Stop()
    executor = _executor(plan, args)
    working = workforce(executor, identity_for(args, executor))
    if args.dry_run:
        known = NightHistory.at(history, create=False)
        with stoppable(stop), working as who, tempfile.TemporaryDirectory(prefix="orchestrate-night-") as scratch:
            directory = Path(scratch) / "night"
            planned = _planned(new_record(directory, plan), directory, plan, known, stop, args)
            at_once = max(1, _at_once(plan, who))
        _out(night_text.rehearsal(rehearsed(planned, at_once), at_once))
        return 0
    known = NightHistory.at(history, create=True)
    with stoppable(stop), working as who, claim_night(nights, plan) as (directory, begun):
        night = _Night(directory, plan, known, stop, args, who)
        try:
            record = night.run(begun)
        except Interrupted:
            stream.tell(f"INTERRUPTED; what continues it:\n  {command_line(args)}\n")
            return Fault.INTERRUPT.value
        return night.deliver(record)


def _out(lines: Iterable[str]) -> None:
    for line in lines:
        stream.out(f"{' ' * (len(line) - len(line.lstrip(' ')))}{printable(line)}\n")


def check_words(words: Sequence[str]) -> None:
    """Raises UsageError for a command line that the parser refuses, or an executor that is none."""
    args = parser().parse_args([*words])
    if args.executor:
        checked_executor(args.executor)


def _executor(plan: NightPlan, args: argparse.Namespace) -> str:
    """The one of the command line, else the plan's, else the setting."""
    is_given = args.found["executor"].origin == OPTION
    return (args.executor if is_given else plan.executor or args.executor) or LOCAL


def _at_once(plan: NightPlan, who: Workforce) -> int:
    """How many items may be at work now; 0: there is nobody. Raises ClusterUnavailable."""
    if who.machines is None:
        return 1
    machines = who.machines()
    return machines and (plan.at_once or machines)


def _planned(
    record: NightRecord, directory: Path, plan: NightPlan, known: NightHistory, stop: Stop, args: argparse.Namespace
) -> NightRecord:
    """The record of a night that has not begun: what there is to test, and what of it has a reason to be. Raises
    Interrupted."""
    notes = ["trees are as they were fetched last"] if args.dry_run and any(tree.fetch for tree in plan.trees) else []
    for entry in plan.series:
        for address in (entry.place, entry.archive):
            check_plain(address, is_insecure=args.settings.plain_http == "anywhere")
    looking = Looking(load_catalog(), Runner(stop.cancel), directory.parent / SERIES, notes, is_rehearsal=args.dry_run)
    found = list(candidates(looking.targets(plan), _seed(record.started), args, stop.cancel))
    past = known.past({one.item for one in found})
    return replace(record, items=items_of(plan, found, past, ages_of(past)), notes=tuple(notes))


def _seed(started: str) -> int:
    """Of the night: the day, as a number that nobody has to look up: 20261128."""
    return int(started[:10].replace("-", "")) if started else 1


@dataclass(frozen=True)
class _Night:
    """A night that is going on in its directory."""

    directory: Path
    plan: NightPlan
    known: NightHistory
    stop: Stop
    args: argparse.Namespace
    who: Workforce
    _numbers: dict[str, str] = field(default_factory=dict)  # of items, as they are told

    def run(self, begun: NightRecord | None) -> NightRecord:
        """The record of a night that is over. Raises Interrupted, ClusterUnavailable."""
        if begun is None:
            self.tell("looking for what is new")
            record = _planned(
                new_record(self.directory, self.plan), self.directory, self.plan, self.known, self.stop, self.args
            )
        else:
            record = self._noted(begun)
        save_night(record, self.directory)
        waiting = in_order(record.items)
        self.tell(f"{self.directory}: {counted(len(waiting), 'item')} to run{', continued' if begun else ''}")
        record = self._imported(closed(self._items(record)))
        save_night(record, self.directory)
        return record

    def tell(self, words: str) -> None:
        if not self.args.quiet:
            stream.tell(f"{printable(words)}\n")

    # --- items

    def _items(self, record: NightRecord) -> NightRecord:
        """The record after all items for which there is time, of which as many run at once as there are machines. What
        was at work when this raises Interrupted or ClusterUnavailable goes on another time."""
        errors: list[BaseException] = []
        with AtWork(self.stop) as work:
            while True:
                record = work.look(record)
                if not errors:
                    try:
                        record = self._begun(record, work)
                    except (Interrupted, ClusterUnavailable) as error:
                        errors.append(error)
                        self.stop.all_runs()
                if not work.names:
                    break
                for name, future in [*work.ended()]:
                    record = work.look(record)
                    item = next(one for one in record.items if one.name == name)
                    if failure := future.exception():
                        errors.append(failure)
                        self.stop.all_runs()
                        self._take(record, item)
                    else:
                        record = self._ended(record, item, future.result())
                    save_night(record, self.directory)
        if errors:
            self._write(record)
            raise next((one for one in errors if not isinstance(one, Interrupted)), errors[0])
        return record

    def _begun(self, record: NightRecord, work: AtWork) -> NightRecord:
        """The record with those items running that can begin now. Waits for a machine where there is none and nothing
        runs. Raises Interrupted, ClusterUnavailable."""
        waits_s = 0.0
        while item := next_item(record, work.names):
            self.stop.cancel.check()
            at_once = _at_once(self.plan, self.who)
            if at_once > len(work.names):
                record = self._begin(record, item, work)
            elif at_once or work.names:
                break
            elif waits_s >= NOBODY_S:
                raise ClusterUnavailable(
                    "no worker of our version is there",
                    hint="start `orchestrate worker`, and run the same command again: it continues where it stopped",
                )
            else:
                waits_s += 1
                self.stop.cancel.sleep(1)
        return record

    def _begin(self, record: NightRecord, item: Item, work: AtWork) -> NightRecord:
        # of an earlier night it may be on another machine
        is_here = item.state is State.RUNNING or (item.directory and Path(item.directory, RUN).is_file())
        output = Path(item.directory) if is_here else self._free_run_dir(record, item)
        record = changed(record, replace(item, state=State.RUNNING, directory=str(output)))
        save_night(record, self.directory)
        at = sum(one.state in RAN for one in record.items) + len(work.names) + 1
        of = sum(one.state in (*RAN, *WAITING) for one in record.items)
        self._numbers[item.name] = f"[{at}/{of}]"
        takes = "" if item.is_guess else f", about {lasting(item.expected_s)}"
        self.tell(f"[{at}/{of}] {item.name} ({item.why}{takes})")
        about = "" if self.who.machines is None else f"[{at}/{of}]"
        work.begin(item.name, partial(run_item, item, record.id, output, self.who, self.stop, self.args, about))
        return record

    def _ended(self, record: NightRecord, item: Item, ended: Ended) -> NightRecord:
        done = replace(
            item, spent_s=round(item.spent_s, 3), status=ended.status, verdict=ended.verdict, reason=ended.reason,
            tested=ended.tested or item.tested, state=State.STOPPED if ended.is_late else State.DONE,
        )  # fmt: skip
        number = self._numbers[item.name]
        self.tell(f"{number} {item.name}: {Verdict[ended.verdict].value} ({lasting(item.spent_s)})")
        record = changed(record, done)
        if ended.bisected:
            record = replace(record, culprits=(*record.culprits, self._culprit(record, done, ended)))
        return self._take(record, done)

    def _free_run_dir(self, record: NightRecord, item: Item) -> Path:
        taken = {one.directory for one in record.items}
        name = plain_name(item.name.replace("/", "-").replace(" ", "-"))
        number, path = 1, self.directory / RUNS / name
        while str(path) in taken:
            number += 1
            path = path.with_name(f"{name}.{number}")
        return path

    def _noted(self, record: NightRecord) -> NightRecord:
        """A night that goes on: a run that was over before its end could be noted is noted now."""
        for item in record.items:
            if item.state is State.RUNNING and item.command != BISECT and is_over(Path(item.directory)):
                record = self._take(changed(record, replace(item, state=State.DONE)), replace(item, state=State.DONE))
                found = next(one for one in record.items if one.name == item.name)
                if found.verdict in Verdict.__members__:
                    status = Verdict[found.verdict].exit_status
                    record = changed(record, replace(found, status=status))
        return record

    def _take(self, record: NightRecord, item: Item) -> NightRecord:
        """The run of an item into the history, and what it says that is new. A history that cannot be written to is
        noted: the run is imported when the night is over."""
        run_dir = Path(item.directory)
        if item.command == BISECT or not (run_dir / RUN).is_file():
            return record
        try:
            run, verdict, reason = self.known.take(run_dir)
            results, before = self.known.compared(run, item.name, record.id)
        except OrchestrateError as error:
            return replace(record, notes=(*record.notes, f"{item.name}: {error.message}"))
        item = next(one for one in record.items if one.name == item.name)
        record = changed(record, replace(item, run=run, verdict=item.verdict or verdict, reason=item.reason or reason))
        if item.command != TEST:
            return record
        others = tuple(one for one in record.news if one.item != item.name)
        record = replace(record, news=(*others, *news_of(item.name, results, before)))
        found = to_bisect(item, results, before) if self.plan.bisect and item.state is State.DONE else None
        if found is None or "--patch" in item.words or not value_of(item.words, "--tree"):
            return record
        failure, known = found
        return self._with_bisection(record, item, failure.test, known.good)

    def _imported(self, record: NightRecord) -> NightRecord:
        """What the history could not take earlier."""
        for item in record.items:
            if item.state in RAN and not item.run:
                record = self._take(record, item)
        return record

    # --- bisections

    def _with_bisection(self, record: NightRecord, item: Item, case: str, good: str) -> NightRecord:
        """The record with a bisection between the commit that passed and tonight's."""
        name = f"bisect {case}: {item.name}"
        if any(one.name == name for one in record.items):
            return record
        tip, tree = value_of(item.words, "--base"), value_of(item.words, "--tree")
        history = History(Path(tree), Runner(self.stop.cancel))
        older = history.fork(good, tip)
        if not older or older == tip:
            words = f"{name}: no commit lies between {good[:12]}, which passed, and {tip[:12]}"
            return replace(record, notes=(*record.notes, words))
        why = f"passed on {good[:12]}, fails on {tip[:12]}"
        if older != good:
            why += f"; the branch was rewritten: from {older[:12]}, which both have"
        bisection = Item(
            name, item.entry, bisect_words(item.words, older, case), Priority.BISECTION, why,
            expected_s=STEPS * max(item.expected_s, item.spent_s), is_guess=True,
        )  # fmt: skip
        return replace(record, items=(*record.items, bisection))

    def _culprit(self, record: NightRecord, item: Item, ended: Ended) -> Culprit:
        assert ended.bisected
        found: Bisected = ended.bisected
        line = shlex.join(("orchestrate", *item.words))
        of = item.name.partition(": ")[2]
        if not found.result.is_found:
            answer = found.result.trouble or f"one of {counted(len(found.result.suspects), 'commit')}"
            return Culprit(of, found.question.case, answer, reproduce=line)
        commit = found.history.commit(found.result.suspects[0])
        words = next((one.words for one in record.items if one.name == of), ())
        again = tuple(commit.id if word == value_of(words, "--base") else word for word in words if word)
        cases = [word for word in again if not word.startswith("--testcase=")]
        reproduce = shlex.join(("orchestrate", *cases, f"--testcase={found.question.case}"))
        sure = 1 - found.question.plan.request.error
        return Culprit(of, found.question.case, "", commit.id, commit.subject, commit.fixes, sure, reproduce)

    # --- results

    def _write(self, record: NightRecord) -> list[str]:
        """The files of a night, as far as it has come; what could not be written."""
        results, problems = self.plan.results, []
        told = night_text.markdown(night_for_others(record, self.plan))
        markdown, cases = told.encode("utf-8", "backslashreplace"), junit(record)
        write_atomically(self.directory / SUMMARY, markdown)
        write_atomically(self.directory / JUNIT, cases)
        wanted = ((results.markdown, markdown), (results.junit, cases))
        copies = [*wanted, (results.json, (self.directory / NIGHT).read_bytes())]
        for target, content in copies:
            try:
                if target:
                    Path(target).parent.mkdir(parents=True, exist_ok=True)
                    write_target(Path(target), content)
            except (OSError, HostRefused) as error:
                problems.append(situation(error, target).message)
        return problems

    def deliver(self, record: NightRecord) -> int:
        problems = self._write(record)
        _out([*night_text.summary(record, is_quiet=self.args.quiet), f"night: {self.directory / SUMMARY}"])
        for problem in problems:
            stream.tell(f"orchestrate: {problem}\n")
        unkept = any(one.state in RAN and not one.run and one.command != BISECT
                     and Path(one.directory, RUN).is_file() for one in record.items)  # fmt: skip
        trouble = Fault.INFRASTRUCTURE.value if problems or unkept else 0
        return status_of(record.items, record.news) or trouble
