"""KTAP and TAP of other people's programs: levels by tabs and spaces, tests that were announced, plans that skip."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from orchestrator.model.outcome import Outcome
from orchestrator.parse.results.ktap import KtapReport, parse

DATA = Path(__file__).parents[1] / "data/ktap"
PASS, FAIL, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.SKIP


def results(report: KtapReport) -> list[tuple[str, Outcome]]:
    return [(subtest.name, subtest.outcome) for subtest in report.subtests]


def test_old_kunit_indents_with_tabs_and_has_no_plan() -> None:
    report = parse((DATA / "kunit-tabs-missing-plan.ktap").read_text())
    assert results(report) == [
        ("sysctl_test.sysctl_test_dointvec_null_tbl_data", PASS),
        ("sysctl_test.sysctl_test_dointvec_table_maxlen_unset", PASS),
        ("example.example_simple_test", PASS),
        ("example.example_mock_test", FAIL),
    ]
    assert report.problems == ("example is ok, though a subtest of it is not",)


@pytest.mark.parametrize("indent", ["  ", "    ", "\t", "   "])
def test_any_indentation_is_a_level(indent: str) -> None:
    lines = ["KTAP version 1", "1..1", "{}KTAP version 1", "{}1..2", "{}{}1..1", "{}{}not ok 1 c", "{}not ok 1 b"]
    report = parse("\n".join([*lines, "{}ok 2 d", "not ok 1 a"]).replace("{}", indent))
    assert results(report) == [("a.b.c", FAIL), ("a.d", PASS)]
    assert report.problems == ()


def test_parents_without_results_take_the_names_of_their_comments() -> None:
    report = parse(
        dedent("""\
        KTAP version 1
        1..3
          KTAP version 1
          # Subtest: a
          ok 1 x
          KTAP version 1
          # Subtest: b
          ok 1 y
        ok 2 b
          KTAP version 1
          # Subtest: c
          ok 1 z
        """)
    )
    assert results(report) == [("a.x", PASS), ("a", FAIL), ("b.y", PASS), ("c.z", PASS), ("c", FAIL)]


def test_a_gap_in_the_numbers_tells_that_nested_results_are_not_of_the_next_test() -> None:
    report = parse("KTAP version 1\n1..2\n  # Subtest: a\n  1..1\n  ok 1 x\nok 2 b\n")
    assert results(report) == [("a.x", PASS), ("a", FAIL), ("b", PASS)]


def test_kselftest_announces_its_tests() -> None:
    report = parse(
        dedent("""\
        TAP version 13
        1..4
        # selftests: mm: one
        # TAP version 13
        # ok 1 x
        # selftests: mm: two
        # TAP version 13
        # ok 1 y
        # TAP version 13
        # not ok 1 z
        not ok 2 selftests: mm: two # exit=1
        # selftests: mm: three
        # some words
        """)
    )
    assert results(report) == [
        ("selftests: mm: one.x", PASS),
        ("selftests: mm: one", FAIL),
        ("selftests: mm: two.y", PASS),
        ("selftests: mm: two.z", FAIL),
        ("selftests: mm: three", FAIL),
        ("#4", FAIL),
    ]
    assert report.subtests[4].message == "ended without a result"
    assert report.subtests[4].diagnostics == ("some words",)


def test_tap_14_announces_a_subtest_on_the_level_of_its_parent() -> None:
    text = "TAP version 14\n1..2\n# Subtest: foo\n    # Subtest: in\n        ok 1 - deep\n        1..1\n    ok 1 - in\n"
    report = parse(f"{text}    1..1\nok 1 - foo\n# Subtest: bar\n    1..2\n    ok 1 - a\n")
    assert results(report) == [("foo.in.deep", PASS), ("bar.a", PASS), ("bar.#2", FAIL), ("bar", FAIL)][:3]


def test_documents_of_kunit_without_version_lines_follow_each_other() -> None:
    report = parse("\t# Subtest: a\n\t1..1\n\tok 1 x\nok 1 a\n\t# Subtest: b\n\t1..1\n\tnot ok 1 y\nnot ok 2 b\n")
    assert results(report) == [("a.x", PASS), ("b.y", FAIL)]
    cut = parse("KTAP version 1\n\t# Subtest: a\n\t1..1\n\tok 1 x\n\t# Subtest: b\n\t1..1\n\tok 1 y\nok 2 b\n")
    assert results(cut) == [("a.x", PASS), ("a", FAIL), ("b.y", PASS)]


def test_a_nested_plan_may_skip() -> None:
    report = parse("KTAP version 1\n1..2\n  KTAP version 1\n  1..0 # SKIP no hardware\nok 1 a\nok 2 b\n")
    assert results(report) == [("a", SKIP), ("b", PASS)]
    assert report.subtests[0].message == "no hardware"
    assert report.skip_reason == ""


def test_yaml_behind_a_result_of_tap_holds_no_results() -> None:
    tap = "TAP {} 13\n1..2\nnot ok 1 a\n  ---\n  got: x\n  not ok 9 inside\n  ...\nok 2 b\n"
    assert results(parse(tap.format("version"))) == [("a", FAIL), ("b", PASS)]
    not_behind = "TAP version 13\n1..1\nok 1 a\nwords\n  ---\n  not ok 1 x\n"
    assert ("#2.x", FAIL) in results(parse(not_behind))


def test_results_without_a_number() -> None:
    assert results(parse("TAP version 13\n1..3\nok\nok some words\nnot ok other words\n")) == [
        ("#1", PASS),
        ("some words", PASS),
        ("other words", FAIL),
    ]
    # in KTAP a number is required, so that "ok then" is prose; a failure is none
    assert results(parse("KTAP version 1\nok then\nnot ok then\n")) == [("then", FAIL)]


def test_an_escaped_hash_is_part_of_the_name() -> None:
    assert results(parse("TAP version 14\n1..1\nok 1 - a \\# b # SKIP c\n")) == [("a # b", SKIP)]


def test_a_console_log_has_ktap_behind_times() -> None:
    stamp = "<6>[    1.234567][    T1] "
    lines = ["KTAP version 1", "1..1", "    # Subtest: s", "    1..1", "    not ok 1 x", "not ok 1 s"]
    assert results(parse("".join(f"{stamp}{line}\n" for line in lines))) == [("s.x", FAIL)]


def test_names_alike_stay_linear() -> None:
    report = parse("KTAP version 1\n" + "ok 1 a\n" * 20_000)
    assert report.subtests[-1].name == "a (20000)"


def test_missing_tests_are_listed_once_for_a_whole_output() -> None:
    report = parse("KTAP version 1\n1..999999999\n" * 5000)
    assert len(report.subtests) < 7000
    assert all(subtest.outcome is FAIL for subtest in report.subtests)
