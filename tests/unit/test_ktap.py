from __future__ import annotations

import time
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.parse.results.ktap import KtapReport, parse
from orchestrator.parse.results.ktap_tree import MAX_DIAGNOSTICS


def results(report: KtapReport) -> list[tuple[str, Outcome]]:
    return [(subtest.name, subtest.outcome) for subtest in report.subtests]


def only(text: str) -> Subtest:
    (subtest,) = parse("KTAP version 1\n1..1\n" + text + "\n").subtests
    return subtest


def test_flat_results_in_order() -> None:
    report = parse("KTAP version 1\n1..3\nok 1 one\nnot ok 2 two\nok 3 three # SKIP no userfaultfd\n")
    assert results(report) == [("one", Outcome.PASS), ("two", Outcome.FAIL), ("three", Outcome.SKIP)]
    assert report.subtests[2].message == "no userfaultfd"
    assert report.planned == 3
    assert report.problems == ()
    assert report.is_ktap


@pytest.mark.parametrize(
    ("line", "outcome", "message"),
    [
        ("ok 1 x", Outcome.PASS, ""),
        ("ok 1 - x", Outcome.PASS, ""),
        ("ok 1 x # rcode=0", Outcome.PASS, "rcode=0"),
        ("not ok 1 x", Outcome.FAIL, "not ok"),
        ("not ok 1 x # exit=2", Outcome.FAIL, "exit=2"),
        ("ok 1 x # SKIP", Outcome.SKIP, ""),
        ("not ok 1 x # skip: no root", Outcome.SKIP, "no root"),
        ("ok 1 x # Skipped: no root", Outcome.SKIP, "no root"),
        ("ok 1 x # XFAIL", Outcome.PASS, "XFAIL"),
        ("not ok 1 x # XFAIL known", Outcome.PASS, "expected failure (XFAIL): known"),
        ("not ok 1 x # TODO later", Outcome.PASS, "expected failure (TODO): later"),
        ("not ok 1 x # TIMEOUT 30 seconds", Outcome.TIMEOUT, "timed out: 30 seconds"),
        ("not ok 1 x # ERROR no memory", Outcome.ERROR, "no memory"),
        ("not ok 1 x # WHATEVER y", Outcome.FAIL, "WHATEVER y"),
    ],
)
def test_directives(line: str, outcome: Outcome, message: str) -> None:
    subtest = only(line)
    assert (subtest.name, subtest.outcome, subtest.message) == ("x", outcome, message)


@pytest.mark.parametrize(
    ("comment", "time_s", "message"),
    [
        ("time=123ms", 0.123, ""),
        ("time=1.5s", 1.5, ""),
        ("time=20us", 0.00002, ""),
        ("SKIP no root # time=4ms", 0.004, "no root"),
        ("time=4ms SKIP no root", 0.004, "no root"),
        ("uptime=4ms", 0.0, "uptime=4ms"),
    ],
)
def test_time_behind_the_description(comment: str, time_s: float, message: str) -> None:
    subtest = only(f"ok 1 x # {comment}")
    assert subtest.time_s == pytest.approx(time_s)
    assert subtest.message == message


def test_diagnostics_and_metrics_belong_to_the_result_that_follows() -> None:
    report = parse(
        dedent("""\
        KTAP version 1
        1..2
        # page 3: expected 0x11, saw 0x22
        # metric ops 1234.5 ops/s
        # metric vma_lock_success 7 events
        not ok 1 a
        # metric ops nan ops/s
        # metric ops 9
        ok 2 b
        # afterwards
        # metric total 3 s
        """)
    )
    first, second = report.subtests
    assert first.diagnostics == ("page 3: expected 0x11, saw 0x22",)
    assert first.metrics == (Metric("ops", 1234.5, "ops/s"), Metric("vma_lock_success", 7.0, "events"))
    assert second.metrics == (Metric("ops", 9.0, ""),)
    assert second.diagnostics == ("metric ops nan ops/s",)
    assert report.diagnostics == ("afterwards",)
    assert report.metrics == (Metric("total", 3.0, "s"),)


def test_kernel_log_and_other_lines_in_between_change_nothing() -> None:
    noise = "[    1.234567][   T66] BUG: KASAN: slab-use-after-free in x\nok, starting\nnothing ok 1 here\n1..2..3\n\n"
    report = parse(f"{noise}KTAP version 1\n{noise}1..1\r\n{noise}ok 1 a\r\n{noise}")
    assert results(report) == [("a", Outcome.PASS)]
    assert report.problems == ()


# --- nesting


def test_nested_results_are_named_by_path_and_the_parent_is_no_result_of_its_own() -> None:
    report = parse(
        dedent("""\
        KTAP version 1
        1..2
          KTAP version 1
          1..2
            KTAP version 1
            1..2
            # deep
            not ok 1 test_1
            ok 2 test_2
          # of test_3
          not ok 1 test_3
          ok 2 test_4 # SKIP
        not ok 1 example_test_1
        ok 2 example_test_2
        """)
    )
    assert results(report) == [
        ("example_test_1.test_3.test_1", Outcome.FAIL),
        ("example_test_1.test_3.test_2", Outcome.PASS),
        ("example_test_1.test_4", Outcome.SKIP),
        ("example_test_2", Outcome.PASS),
    ]
    assert report.subtests[0].diagnostics == ("deep",)
    assert report.diagnostics == ("of test_3",)
    assert report.planned == 2
    assert report.problems == ()


def test_kunit_style_with_four_spaces_and_subtest_names() -> None:
    report = parse(
        dedent("""\
        KTAP version 1
        1..1
            KTAP version 1
            # Subtest: list_sort
            1..1
            # module: test
            ok 1 list_sort_random
        # list_sort: pass:1 fail:0
        ok 1 list_sort
        """)
    )
    assert results(report) == [("list_sort.list_sort_random", Outcome.PASS)]


def test_kselftest_style_nesting_by_comments() -> None:
    report = parse(
        dedent("""\
        TAP version 13
        1..2
        # timeout set to 45
        # selftests: mm: mremap_test
        # TAP version 13
        # 1..3
        # # page size 4096
        # ok 1 a
        # not ok 2 b
        # ok 3 c # SKIP no
        # # Totals: pass:1 fail:1
        not ok 1 selftests: mm: mremap_test # exit=1
        # selftests: mm: other
        # ok 1 this is a comment, no result
        ok 2 selftests: mm: other
        """)
    )
    assert results(report) == [
        ("selftests: mm: mremap_test.a", Outcome.PASS),
        ("selftests: mm: mremap_test.b", Outcome.FAIL),
        ("selftests: mm: mremap_test.c", Outcome.SKIP),
        ("selftests: mm: other", Outcome.PASS),
    ]
    assert report.subtests[0].diagnostics == ("page size 4096",)
    assert "ok 1 this is a comment, no result" in report.subtests[3].diagnostics
    assert report.problems == ()


def test_tap14_subtests_without_a_version_line() -> None:
    report = parse("TAP version 14\n1..1\n# Subtest: foo\n    1..1\n    ok 1 - a\nok 1 - foo\n")
    assert results(report) == [("foo.a", Outcome.PASS)]


def test_a_parent_that_is_not_ok_though_its_children_are_is_shown_and_fails() -> None:
    report = parse("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 1 a\nnot ok 1 p # exit=139\n")
    assert results(report) == [("p.a", Outcome.PASS), ("p", Outcome.FAIL)]
    assert report.subtests[1].message == "exit=139"
    assert any("p is not ok" in problem for problem in report.problems)


def test_a_parent_that_is_ok_though_a_child_is_not_is_a_problem() -> None:
    report = parse("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 p\n")
    assert results(report) == [("p.a", Outcome.FAIL)]
    assert any("p is ok" in problem for problem in report.problems)


def test_a_parent_that_timed_out_keeps_its_timeout_and_its_missing_child() -> None:
    report = parse("TAP version 13\n1..1\n# TAP version 13\n# 1..2\n# ok 1 a\nnot ok 1 p # TIMEOUT 45 seconds\n")
    assert results(report) == [("p.a", Outcome.PASS), ("p.#2", Outcome.FAIL), ("p", Outcome.TIMEOUT)]


def test_children_whose_parent_never_reported_are_kept() -> None:
    report = parse("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: p\n  1..2\n  ok 1 a\n  # last words\n")
    assert results(report) == [
        ("p.a", Outcome.PASS),
        ("p.#2", Outcome.FAIL),
    ]
    assert report.subtests[1].message == "planned, but no result"
    assert report.subtests[1].diagnostics == ("last words",)
    assert any("without the result of their parent" in problem for problem in report.problems)


def test_a_parent_that_never_reported_fails_even_if_all_its_children_passed() -> None:
    report = parse("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: p\n  1..1\n  ok 1 a\n")
    assert results(report) == [("p.a", Outcome.PASS), ("p", Outcome.FAIL)]


# --- what is missing or wrong


def test_planned_tests_without_a_result_fail() -> None:
    report = parse("KTAP version 1\n1..4\nok 1 a\nok 3 c\n# the end came here\n")
    assert results(report) == [("a", Outcome.PASS), ("c", Outcome.PASS), ("#2", Outcome.FAIL), ("#4", Outcome.FAIL)]
    assert report.subtests[2].message == "planned, but no result"
    assert report.subtests[2].diagnostics == ("the end came here",)


def test_a_huge_plan_is_summed_up() -> None:
    report = parse("KTAP version 1\n1..999999999\nok 1 a\n")
    assert len(report.subtests) < 2000
    assert report.subtests[-1].name.endswith("-#999999999")
    assert report.subtests[-1].outcome is Outcome.FAIL


def test_more_results_than_planned_is_a_problem_and_all_count() -> None:
    report = parse("KTAP version 1\n1..1\nok 1 a\nnot ok 2 b\n")
    assert results(report) == [("a", Outcome.PASS), ("b", Outcome.FAIL)]
    assert "1 planned, 2 results" in report.problems


def test_a_plan_may_come_last() -> None:
    assert parse("TAP version 13\nok 1 a\n1..1\n").problems == ()
    assert results(parse("TAP version 13\nok 1 a\n1..2\n"))[1] == ("#2", Outcome.FAIL)


def test_duplicate_numbers_and_a_second_plan_are_problems() -> None:
    report = parse("KTAP version 1\n1..2\nok 1 a\nok 1 b\n1..2\n")
    assert len(report.subtests) == 2
    assert "number 1 twice" in report.problems
    assert any("second plan" in problem for problem in report.problems)


def test_bail_out_fails_what_was_planned() -> None:
    report = parse("KTAP version 1\n1..2\nok 1 a\nBail out! no memory\n")
    assert results(report) == [("a", Outcome.PASS), ("#2", Outcome.FAIL)]
    assert report.subtests[1].message == "planned, but no result: bailed out: no memory"
    assert "bailed out: no memory" in report.problems


def test_bail_out_without_a_plan_is_a_failure() -> None:
    assert results(parse("KTAP version 1\nok 1 a\nBail out! no memory\n"))[1] == ("Bail out!", Outcome.FAIL)


def test_no_version_line_is_a_problem_but_results_count() -> None:
    report = parse("1..1\nok 1 a\n")
    assert results(report) == [("a", Outcome.PASS)]
    assert "no KTAP version line" in report.problems
    assert not report.is_ktap


def test_an_output_without_ktap_has_no_subtests() -> None:
    report = parse("Segmentation fault\n")
    assert report.subtests == ()
    assert report.planned is None
    assert not report.is_ktap


def test_skip_all_gives_its_reason() -> None:
    report = parse("TAP version 13\n1..0 # SKIP userfaultfd is not there\n")
    assert (report.subtests, report.planned, report.skip_reason) == ((), 0, "userfaultfd is not there")


def test_two_documents_in_one_output_are_both_read() -> None:
    report = parse("KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..2\nok 1 a\n")
    assert results(report) == [("a", Outcome.PASS), ("a (2)", Outcome.PASS), ("#2", Outcome.FAIL)]
    assert report.planned == 3


def test_a_result_without_a_number_is_read_and_said() -> None:
    report = parse("TAP version 13\nnot ok\nok - b\n")
    assert results(report) == [("#1", Outcome.FAIL), ("b", Outcome.PASS)]
    assert "a result without a number" in report.problems


def test_names_are_made_unique() -> None:
    report = parse("KTAP version 1\n1..4\nok 1 a\nok 2 a (2)\nok 3 a\nok 4\n")
    assert [subtest.name for subtest in report.subtests] == ["a", "a (2)", "a (3)", "#4"]


def test_only_the_last_diagnostics_are_kept_and_the_rest_is_counted() -> None:
    subtest = only("".join(f"# line {number}\n" for number in range(1000)) + "ok 1 a")
    assert len(subtest.diagnostics) == MAX_DIAGNOSTICS + 1
    assert subtest.diagnostics[0] == "(800 earlier lines dropped)"
    assert subtest.diagnostics[-1] == "line 999"


@pytest.mark.parametrize(
    "noise", ["x" * 99 + "\n", " ", "# ", "#\n", "not ok", "ok 1 # time=", "1..2\n", "Bail out!\n"]
)
def test_time_is_linear_in_noise(noise: str) -> None:
    def seconds(size: int) -> float:
        text = "KTAP version 1\n1..1\n" + noise * (size // len(noise)) + "\nok 1 a\n"
        began = time.process_time()
        assert parse(text).is_ktap
        return time.process_time() - began

    small, large = seconds(150_000), seconds(1_200_000)
    assert large < 8 * 5 * small + 1.0  # quadratic time would be 64 times as long


LINES = st.one_of(
    st.tuples(
        st.sampled_from(["", "  ", "    ", "# ", "# # ", "  # "]),
        st.sampled_from(
            ["ok 1 a", "not ok 2 b", "ok 3", "1..3", "KTAP version 1", "Bail out!", "# x", "# Subtest: s", "noise"]
        ),
    ).map("".join),
    st.text(max_size=20),
)


@given(st.lists(LINES, max_size=40))
def test_any_text_gives_unique_names_and_never_raises(lines: list[str]) -> None:
    report = parse("\n".join(lines))
    names = [subtest.name for subtest in report.subtests]
    assert len(names) == len(set(names))
    top_level_failures = [line for line in lines if line.startswith("not ok 2 b")]
    if top_level_failures:
        assert any(subtest.outcome.is_bad for subtest in report.subtests)


@given(st.lists(st.sampled_from(["ok", "not ok"]), min_size=1, max_size=20), st.integers(0, 25))
def test_every_planned_test_has_exactly_one_result(states: list[str], extra: int) -> None:
    lines = [f"{state} {number} t{number}" for number, state in enumerate(states, 1)]
    report = parse("\n".join(["KTAP version 1", f"1..{len(states) + extra}", *lines]))
    assert len(report.subtests) == len(states) + extra
    assert sum(subtest.outcome is Outcome.PASS for subtest in report.subtests) == states.count("ok")


def test_what_did_not_exercise_is_no_failure_and_no_pass() -> None:
    subtest = only("# metric toucher 0 ops/s\nnot ok 1 x # did not exercise: toucher # time=12ms")
    assert (subtest.outcome, subtest.message) == (Outcome.NOT_EXERCISED, "did not exercise: toucher")
    assert subtest.time_s == pytest.approx(0.012)
    assert only("ok 1 x # did not exercise: toucher").outcome is Outcome.PASS


def test_a_test_whose_subtest_did_not_exercise_is_not_ok_either() -> None:
    nested = "KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n    not ok 1 y # did not exercise: toucher\n{} 1 x\n"
    honest, liar = parse(nested.format("not ok")), parse(nested.format("ok"))
    assert not honest.problems
    assert liar.problems == ("x is ok, though a subtest of it is not",)


def test_our_harness_says_what_failed_before_the_result() -> None:
    subtest = only("# FAIL toucher/1: a write was lost\n# FAIL toucher/2: and another\nnot ok 1 x # time=1ms")
    assert subtest.message == "toucher/1: a write was lost"


def test_of_very_many_results_those_that_failed_are_listed() -> None:
    lines = ["KTAP version 1", "1..50003", *(f"ok {n} a{n}" for n in range(1, 50_002)), "not ok 50002 b", "ok 50003 c"]
    report = parse("\n".join(lines))
    assert len(report.subtests) == 50_001
    assert report.subtests[-1] == Subtest("b", Outcome.FAIL, message="not ok")
    assert report.diagnostics == ("(2 more results not listed, all of them ok)",)
    assert report.planned == 50_003
    assert not report.problems


def test_a_parent_of_results_that_are_not_listed_is_not_blamed() -> None:
    lines = [
        "KTAP version 1",
        *(f"ok {n} a{n}" for n in range(1, 50_001)),
        "  KTAP version 1",
        "  ok 1 x",
        "ok 50001 p",
    ]
    report = parse("\n".join(lines))
    assert len(report.subtests) == 50_000
    assert not report.problems


def test_results_in_colour_are_results() -> None:
    report = parse("TAP version 13\n1..2\n\x1b[32mok 1 a\x1b[0m\n\x1b[1;31mnot ok\x1b[0m 2 b\x1b[K\n")
    assert [(subtest.name, subtest.outcome) for subtest in report.subtests] == [
        ("a", Outcome.PASS),
        ("b", Outcome.FAIL),
    ]
    assert report.problems == ()
