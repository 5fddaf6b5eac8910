"""What is run tonight: decisions, order and budget, and what is new in the results."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from orchestrator.judge.night import news_of, status_of, to_bisect
from orchestrator.model.night import (
    WAITING,
    Before,
    Candidate,
    Change,
    Item,
    NightPlan,
    NightRecord,
    PastRun,
    Priority,
    Result,
    Results,
    State,
)
from orchestrator.model.outcome import Verdict
from orchestrator.questions.night import (
    changed,
    closed,
    decide,
    expected_s,
    in_order,
    items_of,
    left_s,
    needed_s,
    next_item,
    passed,
    rehearsed,
)

DAY = 86400.0
TESTED = (("base", "a" * 40), ("series", "1"), ("kconfig", "k"))
CANDIDATE = Candidate("mm/new default base q35", "mm", "mm/new", "default", "base", ("test",), Priority.NORMAL, TESTED)
RUN = PastRun("1", CANDIDATE.item, "2026-11-27T02:00:00", Verdict.CLEAN.name, 60.0, TESTED)


def decision(
    *past: PastRun, candidate: Candidate = CANDIDATE, age_s: float = DAY, repeats: int = 3
) -> tuple[bool, str]:
    runs = [replace(run, run=str(number)) for number, run in enumerate(past)]
    ages = {run.run: age_s * (number + 1) for number, run in enumerate(runs)}
    found = decide(candidate, runs, repeats, ages)
    return found.is_run, found.why


# --- decisions


def test_what_was_never_tested_is() -> None:
    assert decision() == (True, "never tested")


@pytest.mark.parametrize("verdict", [Verdict.CLEAN, Verdict.PATCH_AT_FAULT, Verdict.SURVIVED])
def test_what_has_an_answer_is_skipped_and_it_is_said_when_it_was_tested(verdict: Verdict) -> None:
    is_run, why = decision(replace(RUN, verdict=verdict.name))
    assert not is_run
    assert why == f"nothing changed; last tested 2026-11-27 02:00:00: {verdict.value}"


@pytest.mark.parametrize(
    ("tested", "words"),
    [
        ((("base", "b" * 40), *TESTED[1:]), "new commits bbbbbbbbbbbb..aaaaaaaaaaaa"),
        ((TESTED[0], ("series", "0"), TESTED[2]), "the series has changed"),
        ((*TESTED[:2], ("kconfig", "x")), "the kconfig has changed"),
        ((*TESTED, ("cases", "c")), "the test cases have changed"),
        ((TESTED[0], ("series", "0"), ("kconfig", "x")), "the series has changed; the kconfig has changed"),
        ((), "new commits; the series has changed; the kconfig has changed"),
    ],
)
def test_what_has_changed_is_run_and_named(tested: tuple[tuple[str, str], ...], words: str) -> None:
    assert decision(replace(RUN, tested=tested)) == (True, words)


def test_what_was_tested_before_something_else_was_is_not_tested_again() -> None:
    other = replace(RUN, tested=(("base", "b" * 40),), started="2026-11-28T02:00:00")
    assert decision(other, RUN)[0] is False


def test_what_was_interrupted_goes_on() -> None:
    assert decision(replace(RUN, verdict="INTERRUPTED")) == (True, "was interrupted, goes on")


def test_what_had_no_verdict_is_run_again_however_often() -> None:
    assert decision(*[replace(RUN, verdict="NO_VERDICT")] * 9)[0]


def test_what_is_open_is_repeated_so_often_and_no_more() -> None:
    unsure = replace(RUN, verdict="NO_VERDICT", is_open=True)
    assert [decision(*[unsure] * count)[0] for count in range(1, 6)] == [True, True, True, False, False]
    assert decision(*[unsure] * 2)[1] == "inconclusive or flaky: repeated, 2 of 3"
    assert decision(unsure, RUN)[0] is False, "it had an answer once"


def test_a_weekly_suite_waits_for_its_week_whatever_changes() -> None:
    weekly = replace(CANDIDATE, every_s=7 * DAY)
    other = replace(RUN, tested=(("base", "b" * 40),))
    assert not decision(other, candidate=weekly, age_s=6 * DAY)[0]
    assert decision(other, candidate=weekly, age_s=7 * DAY - 600)[0], "a timer is not exact to the second"
    assert decision(replace(other, verdict="INTERRUPTED"), candidate=weekly)[0]


def test_what_is_to_be_run_again_is_after_its_time() -> None:
    again = replace(CANDIDATE, again_s=3 * DAY)
    assert not decision(RUN, candidate=again, age_s=DAY)[0]
    assert decision(RUN, candidate=again, age_s=3 * DAY)[0]


def test_expected_times_come_from_the_item_then_from_its_kind_then_from_the_plan() -> None:
    def runs(item: str, *times: float) -> list[PastRun]:
        return [replace(RUN, item=item, time_s=time_s) for time_s in times]

    past = {
        "a/x default base q35": runs("a/x default base q35", 100, 300, 200),
        "b/x default base q35": runs("b/x default base q35", 1000, 1000),
        "c/x default kasan q35": [replace(RUN, verdict="INTERRUPTED", time_s=5)],
    }
    assert expected_s("a/x default base q35", past, 9.0) == (200.0, False)
    assert expected_s("new default base q35", past, 9.0) == (300.0, False)
    assert expected_s("c/x default kasan q35", past, 9.0) == (9.0, True), "an interrupted run says nothing"


def test_items_say_what_cannot_be_run_and_where_a_run_goes_on() -> None:
    plan = NightPlan("p", "d", (), (), 3600, 1200, 3, 60, True, Results())
    broken = replace(CANDIDATE, item="broken", trouble="git fetch: exited with 128")
    interrupted = replace(RUN, verdict="INTERRUPTED", location="/runs/1")
    items = items_of(plan, [CANDIDATE, broken], {CANDIDATE.item: [interrupted]}, {"1": 10.0})
    assert [(item.state, item.directory) for item in items] == [(State.PLANNED, "/runs/1"), (State.FAILED, "")]
    assert items[1].reason == "git fetch: exited with 128"


# --- order and budget


def item(name: str, expected: float, priority: Priority = Priority.NORMAL, **more: object) -> Item:
    return replace(Item(name, name, ("test",), priority, "new", expected_s=expected), **more)  # type: ignore[arg-type]


def night(*items: Item, budget_s: float = 3600, **budgets: float) -> NightRecord:
    return NightRecord("n", "p", "2026-11-28T01:00:00", budget_s, tuple(budgets.items()), items)


def test_longest_first_within_a_priority_and_what_is_under_way_before_all() -> None:
    items = [
        item("short", 10), item("long", 100), item("low", 500, Priority.LOW), item("high", 1, Priority.HIGH),
        item("going", 5, Priority.LOW, state=State.RUNNING),
    ]  # fmt: skip
    assert [one.name for one in in_order(items)] == ["going", "high", "long", "short", "low"]


def test_what_does_not_fit_is_left_out_with_the_reason_and_shorter_ones_run() -> None:
    found = rehearsed(night(item("a", 2000), item("b", 1900), item("c", 600), item("d", 5000)))
    assert [one.name for one in found.items if one.state is State.DONE] == ["a", "c"]
    why = {one.name: one.why for one in found.items if one.state is State.LEFT_OUT}
    assert why == {
        "b": "takes about 32 min, 17 min of 60 min were left",
        "d": "takes about 83 min, more than the whole budget of 60 min",
    }


def test_what_was_never_run_is_tried_with_the_whole_budget() -> None:
    assert next_item(night(item("new", 5000, is_guess=True)))
    found = rehearsed(night(item("new", 5000, is_guess=True), item("high", 10, Priority.HIGH)))
    assert [one.name for one in found.items if one.state is State.DONE] == ["high"]


def test_the_budget_of_a_tree_is_for_all_its_items() -> None:
    record = night(
        replace(item("a", 100), entry="mm"), replace(item("b", 90), entry="mm"), item("other", 50), mm=150.0
    )  # fmt: skip
    found = rehearsed(record)
    assert [one.name for one in found.items if one.state is State.DONE] == ["a", "other"]


def test_items_at_once_share_the_time_of_the_night() -> None:
    record = night(item("a", 600), item("b", 500), item("c", 400), item("d", 300), budget_s=1000)
    assert rehearsed(record).spent_s == 1000, "a, then c: b would not fit"
    both = rehearsed(record, at_once=2)
    assert [one.name for one in both.items if one.state is State.DONE] == ["a", "b", "c", "d"]
    assert both.spent_s == 900, "a and d beside b and c"
    assert sum(one.spent_s for one in both.items) == 1800


def test_what_is_at_work_has_its_part_of_a_trees_budget() -> None:
    items = [replace(item(name, 60), entry="x") for name in "abc"]
    record = night(*items, x=100.0)
    first = next_item(record)
    assert first
    assert first.name == "a"
    assert next_item(record, {"a"}) is None, "40 s are left for what takes 60"
    assert next_item(night(*items, x=125.0), {"a"}).name == "b"  # type: ignore[union-attr]
    late = passed(night(*items, x=125.0), {"a", "b"}, 62.0)
    assert left_s(late, first) == 1.0
    assert left_s(passed(late, {"a", "b"}, 1.0), first) == -1.0, "who watches stops both"


@pytest.mark.parametrize("at_once", [2, 3, 8])
@pytest.mark.parametrize("seed", range(50))
def test_items_at_once_end_in_the_budget_and_none_is_forgotten(seed: int, at_once: int) -> None:
    draw = random.Random(seed)
    items = [
        replace(item(f"i{number}", draw.choice([1, 30, 600, 4000])), entry=draw.choice("xy"))
        for number in range(draw.randrange(1, 12))
    ]
    found = rehearsed(night(*items, budget_s=1800, x=1000.0), at_once)
    assert sorted(one.name for one in found.items) == sorted(one.name for one in items)
    assert {one.state for one in found.items} <= {State.DONE, State.LEFT_OUT}
    assert found.spent_s <= 1800
    assert sum(one.spent_s for one in found.items if one.entry == "x") <= 1000
    assert found.spent_s <= sum(one.spent_s for one in found.items) <= found.spent_s * at_once + 1e-6


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_plan_a_night_ends_in_its_budget_and_forgets_nothing(seed: int) -> None:
    """Items take any time, up to what they are allowed; each runs at most once, in the order of what is left."""
    draw = random.Random(seed)
    names = [f"i{number}" for number in range(draw.randrange(1, 12))]
    items = [
        replace(
            item(name, draw.choice([1, 30, 600, 4000]), draw.choice([*Priority]), is_guess=draw.random() < 0.3),
            entry=draw.choice("xy"),
            state=draw.choice([State.PLANNED] * 4 + [State.RUNNING, State.SKIPPED, State.FAILED]),
        )
        for name in names
    ]
    budgets = {"x": float(draw.choice([100, 1000, 10_000]))} if draw.random() < 0.5 else {}
    record = night(*items, budget_s=draw.choice([60, 1800, 7200]), **budgets)
    ran: list[str] = []
    while found := next_item(record):
        allowed = left_s(record, found)
        assert allowed >= needed_s(record, found)
        assert found.name not in ran
        fitting = [one for one in in_order(record.items) if 0 < left_s(record, one) >= needed_s(record, one)]
        assert fitting[0] == found
        ran.append(found.name)
        spent = min(allowed, found.expected_s * draw.choice([0.1, 1, 10]))
        record = passed(record, {found.name}, spent)
        [worked] = [one for one in record.items if one.name == found.name]
        assert worked.spent_s == spent
        record = changed(record, replace(worked, state=State.DONE))
    assert record.spent_s <= record.budget_s + 1e-6
    for entry, budget_s in budgets.items():
        assert sum(one.spent_s for one in record.items if one.entry == entry) <= budget_s + 1e-6
    over = closed(record)
    assert not [one for one in over.items if one.state in WAITING]
    assert [one.name for one in over.items] == names
    assert all(one.why for one in over.items)
    planned = rehearsed(night(*items, budget_s=record.budget_s, **budgets))
    assert sorted(one.name for one in planned.items) == sorted(names)


@pytest.mark.parametrize("seed", range(200))
def test_a_settled_run_of_the_same_thing_is_always_enough(seed: int) -> None:
    draw = random.Random(seed)
    past = [
        replace(
            RUN,
            verdict=draw.choice([*Verdict]).name,
            tested=draw.choice([TESTED, (("base", "b" * 40),)]),
            is_open=draw.random() < 0.3,
        )
        for _ in range(draw.randrange(5))
    ]
    latest = next((run for run in past if run.tested == TESTED), None)
    is_run, why = decision(*past)
    assert why
    if latest and latest.verdict == "CLEAN" and not latest.is_open:
        assert not is_run
    if latest is None or latest.verdict == "INTERRUPTED":
        assert is_run


# --- what is new


def result(test: str, outcome: str, *, kind: str = "case", guilty: bool = True, answer: str = "") -> Result:
    return Result("base.x86_64.gcc", kind, test, outcome, "", guilty and outcome != "PASS", answer)


GOOD = Before("PASS", "2026-11-27T02:00:00", "2026-11-27T02:00:00", "g" * 40)
BAD = Before("FAIL", "2026-11-27T02:00:00", "2026-11-26T02:00:00", "g" * 40)


@pytest.mark.parametrize(
    ("one", "before", "change"),
    [
        (result("a", "FAIL"), GOOD, Change.NEW),
        (result("a", "CRASH"), None, Change.NEW),
        (result("a", "TIMEOUT"), BAD, Change.STILL),
        (result("a", "PASS"), BAD, Change.FIXED),
        (result("a", "PASS"), GOOD, None),
        (result("a", "PASS"), None, None),
        (result("a", "FAIL", guilty=False), GOOD, None),
        (result("a", "FAIL", guilty=False, answer="INCONCLUSIVE"), GOOD, Change.OPEN),
        (result("a", "ERROR", guilty=False), GOOD, Change.OPEN),
        (result("a", "NOT_RUN", guilty=False), GOOD, None),
        (result("a", "SKIP"), BAD, None),
    ],
)
def test_what_is_new(one: Result, before: Before | None, change: Change | None) -> None:
    known = {(one.kernel, one.test): before} if before else {}
    assert [news.change for news in news_of("i", [one], known)] == ([change] if change else [])


def test_the_worst_case_that_passed_on_another_commit_is_bisected() -> None:
    tip = item("i", 1, tested=(("base", "t" * 40),))
    results = [result("build", "FAIL", kind="stage"), result("a", "FAIL"), result("b", "CRASH"), result("c", "CRASH")]
    known = {(one.kernel, one.test): GOOD for one in results if one.test != "c"}
    found = to_bisect(tip, results, known)
    assert found is not None
    assert found[0].test == "b", "c never passed"
    assert to_bisect(tip, results, {key: replace(GOOD, good="t" * 40) for key in known}) is None, "by chance"
    assert to_bisect(tip, results, dict.fromkeys(known, BAD)) is None, "it is old"


def test_the_exit_status_names_the_worst() -> None:
    new, unsure = (news_of("i", [result("a", "FAIL")], {}), news_of("i", [result("a", "ERROR", guilty=False)], {}))
    done = item("i", 1, status=0)
    assert status_of([done], ()) == 0
    assert status_of([done], (*unsure, *new)) == 1
    assert status_of([done], unsure) == 3
    assert status_of([done, item("j", 1, status=3)], ()) == 3
    assert status_of([done, item("j", 1, status=130, state=State.STOPPED)], ()) == 3
    assert status_of([done, item("j", 1, state=State.LEFT_OUT)], ()) == 0
    assert status_of([done, item("j", 1, status=3)], new) == 1
