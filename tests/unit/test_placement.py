"""Which worker gets a job: pure."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

from orchestrator.cluster.members import members_for
from orchestrator.cluster.placement import (
    Announced,
    Member,
    Wanted,
    awaited,
    of_one_class,
    place,
    takes,
    unfit,
    warm_name,
)
from orchestrator.codec import dumps
from orchestrator.model.job import Build, Configure, Job, Session
from orchestrator.model.subject import Subject, baseline, patched
from tests.unit.simulated import plan

COMPILERS = (("gcc", "gcc 12.2.0"),)
WANTED = Wanted("1, commit abc", "x86_64", COMPILERS)
PLAN = plan()
HALF, WHOLE = Fraction(1, 2), Fraction(1)


def about(name: str, accel: str = "tcg", **more: object) -> Announced:
    made = Announced("1, commit abc", f"life of {name}", name, "x86_64", accel, 8, 16384, "https://h:1", COMPILERS)
    return replace(made, **more)


def member(name: str, slots: int = 2, **more: object) -> Member:
    return Member(f"tls://{name}", slots, about(name, **more))


def subject() -> Subject:
    return patched(PLAN.kernel(PLAN.variants[0]))


def session() -> Job:
    return Session(subject(), ())


def test_a_session_goes_to_the_least_used_worker() -> None:
    a, b = member("a"), member("b")
    assert place(session(), [a, b], {}, set(), set()) == a
    assert place(session(), [a, b], {a.address: HALF}, set(), set()) == b
    assert place(session(), [a, b], {a.address: WHOLE, b.address: HALF}, set(), set()) == b
    assert place(session(), [a, b], {a.address: WHOLE, b.address: WHOLE}, set(), set()) is None


def test_a_share_counts_not_a_number() -> None:
    small, large = member("a", 1), member("b", 8)
    assert place(session(), [small, large], {large.address: Fraction(7, 8)}, set(), set()) == small
    assert (
        place(session(), [small, large], {small.address: WHOLE, large.address: Fraction(7, 8)}, set(), set()) == large
    )


def test_runs_with_guests_of_different_sizes_share_a_worker() -> None:
    large_guests, small_guests = member("a", 2), member("a", 3)
    used = {large_guests.address: takes(session(), large_guests)}
    assert place(session(), [small_guests], used, set(), set()) == small_guests
    used[large_guests.address] += takes(session(), small_guests)
    assert place(session(), [small_guests], used, set(), set()) is None, "5/6 and 1/3 are more than it has"
    used[large_guests.address] -= takes(session(), large_guests)
    assert place(session(), [small_guests], used, set(), set()) == small_guests


def test_a_build_goes_where_the_worktree_is_warm_and_takes_the_whole_worker() -> None:
    one = subject()
    warm = warm_name("linux-source-6.12-0123abcd", one.worktree, one.kernel.variant.name)
    cold, hot = member("a"), member("b", warm=(warm,))
    assert takes(Build(one), hot) == 1
    assert place(Build(one), [cold, hot], {}, set(), set()) == hot
    assert place(Build(one), [cold, hot], {hot.address: HALF}, set(), set()) == cold
    assert place(Configure(one), [cold, hot], {hot.address: HALF}, set(), set()) == hot  # it takes a slot only
    other = baseline(one.kernel)
    assert place(Build(other), [cold, hot], {}, set(), set()) == cold  # another worktree


def test_a_build_that_waits_is_not_starved_by_sessions() -> None:
    a, b = member("a"), member("b")
    busy = {a.address: HALF, b.address: HALF}
    assert place(Build(subject()), [a, b], busy, set(), set()) is None
    reserved = awaited(Build(subject()), [a, b], set())
    assert reserved is not None
    assert place(session(), [a, b], busy, set(), {reserved.address}) == (b if reserved == a else a)
    assert awaited(session(), [a, b], set()) is None


def test_a_worker_that_failed_the_job_does_not_get_it_again_until_it_is_started_anew() -> None:
    a, b = member("a"), member("b")
    assert place(session(), [a, b], {}, {a.about.life}, set()) == b
    assert place(session(), [a], {}, {a.about.life}, set()) is None
    again = Member(a.address, 2, replace(a.about, life="another"))
    assert place(session(), [again], {}, {a.about.life}, set()) == again


def test_sessions_of_a_run_go_to_one_class_of_machines() -> None:
    kvm, tcg = member("a", accel="kvm"), member("b")
    assert of_one_class([kvm, tcg], "auto") == (kvm,)
    assert of_one_class([tcg], "auto") == (tcg,)
    assert of_one_class([kvm, tcg], "tcg") == (kvm, tcg)
    assert of_one_class([tcg], "kvm") == ()
    assert of_one_class([], "auto") == ()


def test_what_differs_is_named() -> None:
    assert unfit(about("a"), WANTED) == ""
    assert "orchestrate 2" in unfit(about("a", version="2"), WANTED)
    assert "aarch64" in unfit(about("a", arch="aarch64"), WANTED)
    assert "gcc 13" in unfit(about("a", compilers=(("gcc", "gcc 13"),)), WANTED)
    assert "no gcc" in unfit(about("a", compilers=()), WANTED)


def test_an_announcement_of_another_version_need_not_be_readable() -> None:
    new = {"version": "9", "name": "new", "speaks": "otherwise"}
    announced = {"tls://new:1": json.dumps(new), "tls://a:1": dumps(about("a"))}
    found, excluded = members_for(announced, PLAN, WANTED)
    assert [one.about.name for one in found] == ["a"]
    assert excluded == ["new is orchestrate 9, and this is 1, commit abc"]
