"""Plans of nights: what a file may say, and that whatever is wrong is named with its line before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.commands.nightly import check_words
from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import BadDeclaration
from orchestrator.model.night import From, NightPlan, Priority
from orchestrator.nights.durations import seconds
from orchestrator.nights.plan_file import read_plan
from orchestrator.nights.words import bisect_words, combinations, command_words


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def read(text: str, tmp_path: Path, catalog: Catalog) -> NightPlan:
    path = tmp_path / "night.yaml"
    path.write_text(text)
    return read_plan(path, catalog, check_words)


FULL = """\
trees:
  mm:
    path: linux
    fetch: [git fetch --quiet]
    branches: [mm-unstable, mm-new]
    kconfigs: [base, debug+kasan]
    suites: [default, kselftests]
    priority: high
    budget: 2h
series:
  mine: {patch: vm_refcnt, suites: [default, mutation, each-patch]}
  inbox: {maildir: mail, tree: mm, base: mm-unstable, most: 5}
  lore: {patch: 20260105.12-1@example.org, archive: "https://lore.example.org/mm"}
  queue: {patchwork: "https://patchwork.example.org/api/series/?project=mm"}
  dir: {directory: patches, tree: ./linux}
suites:
  long: {testcases: ['!thp', split-merge], duration: 5m, seed: night, again: 3d, options: [--strict]}
  mutation: {run: mutants, budget: 30m, every: 30d}
kconfigs: [base]
machines: [q35]
budget: 8h
results: {markdown: out/night.md, history: "postgresql://ci@db/x"}
"""


def test_a_plan_with_everything(tmp_path: Path, catalog: Catalog) -> None:
    for name in ("linux", "mail/cur", "patches"):
        (tmp_path / name).mkdir(parents=True)
    plan = read(FULL, tmp_path, catalog)
    [tree] = plan.trees
    assert (tree.path, tree.branches, tree.priority) == (
        str(tmp_path / "linux"), ("mm-unstable", "mm-new"), Priority.HIGH,
    )  # fmt: skip
    assert tree.budget_s == 7200
    assert [(one.suite.name, one.kconfig, one.machine) for one in combinations(tree)] == [
        ("default", "base", "q35"), ("default", "debug+kasan", "q35"), ("kselftests", "kselftest", "q35"),
    ]  # fmt: skip
    mine, inbox, lore, queue, directory = plan.series
    assert [entry.source for entry in plan.series] == [
        From.PATCH, From.MAILDIR, From.PATCH, From.PATCHWORK, From.DIRECTORY,
    ]  # fmt: skip
    assert (inbox.tree, inbox.base, inbox.most) == (str(tmp_path / "linux"), "mm-unstable", 5)
    assert (lore.place, lore.archive) == ("20260105.12-1@example.org", "https://lore.example.org/mm")
    assert directory.tree == tree.path
    assert queue.place.startswith("https://patchwork")
    mutation = mine.suites[1]
    assert (mutation.command, mutation.budget_s, mutation.every_s) == ("mutants", 1800, 30 * 86400), "the plan's own"
    assert plan.results.history == "postgresql://ci@db/x"
    assert plan.results.markdown == str(tmp_path / "out/night.md")
    assert plan.budget_s == 8 * 3600


LEAST = "series:\n  a: {patch: vm_refcnt}\n"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("budget: 1h\n", "", "there is nothing to test"),
        ("sreies:\n  a: {}\n", ":1", "unknown key sreies"),
        ("series:\n  a:\n    ptach: x\n", ":3", "unknown key series.a.ptach"),
        ("series:\n  a:\n    patch: vm_refcn\n", ":3", "series.a.patch: vm_refcn: no such file"),
        ("series:\n  a: {}\n", ":2", "come from one of patch, directory, maildir, patchwork; here is none"),
        ("series:\n  a: {patch: vm_refcnt, maildir: /}\n", ":2", "here is patch and maildir"),
        ("series:\n  a: {maildir: .}\n", ":2", "no maildir: it has neither cur/ nor new/"),
        ("series:\n  a: {directory: nowhere}\n", ":2", "no such directory"),
        ("series:\n  a: {patchwork: patchwork}\n", ":2", "not the address of a query"),
        ("series:\n  a: {patch: main..HEAD}\n", ":2", "commits of a tree are a branch of `trees`"),
        ("series:\n  a: {patch: vm_refcnt, base: auto}\n", ":2", "auto looks among the branches of a tree"),
        ("series:\n  a: {patch: vm_refcnt, tree: mm}\n", ":2", "mm: neither a tree of this plan nor a directory"),
        ("series:\n  a: {patch: vm_refcnt, most: many}\n", ":2", "series.a.most: expected an integer"),
        (f"{LEAST}kconfigs:\n- base\n- kassan\n", ":5", "unknown kconfig kassan"),
        (f"{LEAST}machines: [q36]\n", ":3", "unknown machine q36"),
        (f"{LEAST}arches: [arm63]\n", ":3", "unknown architecture arm63"),
        (f"{LEAST}arches: [s390]\n", ":3", "s390: no machine boots its kernels"),
        (f"{LEAST}machines: [q35]\narches: [arm64]\n", ":4", "arm64: none of the machines beside it is one"),
        (f"{LEAST}toolchains: [clang-99]\n", ":3", "clang-99 is not installed"),
        (f"{LEAST}toolchains: [clnag]\n", ":3", "--toolchain clnag: unknown"),
        (f"{LEAST}toolchains: [./nowhere]\n", ":3", "nowhere: is no directory"),
        (f"{LEAST}    \nsuites:\n  x: {{testcases: [frok]}}\n", ":5", "unknown test case frok"),
        (f"{LEAST}suites:\n  x: {{duration: 5 minutes}}\n", ":4", "expected a duration like 45s"),
        (f"{LEAST}suites:\n  x: {{seed: nihgt}}\n", ":4", "or night for another one each night"),
        (f"{LEAST}suites:\n  x: {{run: mutants, each_patch: true}}\n", ":4", "is for `run: test`"),
        (
            f"{LEAST}suites:\n  x: {{run: mutants, host_tests: [radix-tree]}}\n",
            ":4",
            "x.host_tests: is for `run: test`",
        ),
        (f"{LEAST}suites:\n  x:\n    host_tests:\n    - radix-tre\n", ":6", "radix-tre"),
        (f"{LEAST}suites:\n  x:\n    options: [--host-test, radix-tree]\n", ":5", "the night itself gives it"),
        (f"{LEAST}suites:\n  x: {{run: build}}\n", ":4", "expected one of test, mutants"),
        (f"{LEAST}suites:\n  x:\n    options: [--output=x]\n", ":5", "the night itself gives it"),
        (f"{LEAST}suites:\n  x:\n    options: [--strcit]\n", ":5", "unknown option --strcit; did you mean --strict"),
        (f"{LEAST}budget: 0\n", ":3", "expected a duration"),
        (f"{LEAST}results: {{reporters: [mail]}}\n", ":3", "unknown key results.reporters"),
        (f"{LEAST}results: {{json: /}}\n", ":3", "a directory, not a file"),
        ("trees:\n  a: {path: ., branches: []}\n", ":2", "branches: none is named"),
        ("trees:\n  a: {path: .}\n", ":2", "trees.a.branches is missing"),
        ("trees:\n  a: {path: ., branches: [x], suites: [mutation]}\n", ":2", "mutation is about patches"),
        ("trees:\n  a: {path: ., branches: [x], suites: [defualt]}\n", ":2", "unknown suite defualt"),
        ("trees:\n  a b: {path: ., branches: [x]}\n", ":2", "'a b' cannot be a name"),
        ("trees:\n  a: {path: ~nobody-here/x, branches: [x]}\n", ":2", "no such directory"),
        ("trees:\n  a: {path: ., branches: [x], priority: urgent}\n", ":2", "expected one of high, normal, low"),
        ("trees:\n  a: {path: ., branches: [x]}\nseries:\n  a: {patch: vm_refcnt}\n", ":4", "has this name already"),
        (f"{LEAST}suites:\n  x:\n    options: [--executor, local]\n", ":5", "the night itself gives it"),
        (f"{LEAST}suites:\n  x:\n    options: [--see=3]\n", ":5", "the night itself gives it"),
        (f"{LEAST}suites:\n  x:\n    options: [--lcov, x]\n", ":5", "--lcov: says nothing in a night"),
        (f"{LEAST}executor: build-farm:8786\n", ":3", "--executor build-farm:8786: unknown"),
        (f"{LEAST}at_once: -1\n", ":3", "at_once: expected a finite number that is not negative"),
        ("", "", "says nothing"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    text: str, where: str, words: str, tmp_path: Path, catalog: Catalog
) -> None:
    with pytest.raises(BadDeclaration) as caught:
        read(text, tmp_path, catalog)
    told = f"{caught.value.message} {caught.value.hint}"
    assert f"night.yaml{where}: " in told, told
    assert words in told


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path, catalog: Catalog) -> None:
    text = "series:\n  a: {patch: nope}\nkconfigs: [kassan]\nbudget: soon\n"
    with pytest.raises(BadDeclaration) as caught:
        read(text, tmp_path, catalog)
    for line, words in ((2, "nope"), (3, "unknown kconfig kassan (did you mean kasan"), (4, "'soon'")):
        assert f"line {line}: " in caught.value.message
        assert words in caught.value.message


@pytest.mark.parametrize(("text", "found"), [("90", 90), ("45s", 45), ("1.5h", 5400), ("7d", 604800)])
def test_durations(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "0", "-1", "1w", "1 h", "h", "1e9", "9999999d", "٣"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        seconds(text)


def test_a_kconfig_may_be_a_file_beside_the_plan(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "mine.config").write_text("CONFIG_KSM=y\n")
    text = "series:\n  a: {patch: vm_refcnt, suites: [quick]}\nsuites: {quick: {kconfigs: [debug+./mine.config]}}\n"
    [one] = combinations(read(text, tmp_path, catalog).series[0])
    assert one.kconfig == f"debug+{tmp_path}/mine.config"
    assert one.item("a") == "a quick debug+mine q35"
    (tmp_path / "config-6.12+deb12").write_text("CONFIG_KSM=y\n")
    [one] = combinations(read(text.replace("mine.config", "config-6.12+deb12"), tmp_path, catalog).series[0])
    assert one.kconfig == f"debug+{tmp_path}/config-6.12+deb12"
    assert catalog.kconfig(one.kconfig).name == "debug+config-6-12-deb12"


def test_an_item_is_a_command_line_that_the_parser_takes(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "linux").mkdir()
    text = (
        "trees:\n  mm: {path: linux, branches: [x], suites: [long]}\n"
        "suites:\n  long: {testcases: ['!thp', split-merge], duration: 1m, seed: night, "
        "host_tests: [radix-tree], options: [--strict, --arch=arm64, --smp, '3']}\n"
    )
    [tree] = read(text, tmp_path, catalog).trees
    words = command_words(("--tree", tree.path, "--base", "b" * 40), next(combinations(tree)), 20261128)
    args = parser().parse_args(words)
    assert (args.command, args.base, args.kconfig, args.machine) == ("test", "b" * 40, ["base"], "q35")
    assert (args.testcase, args.duration, args.seed, args.strict) == (["!thp", "split-merge"], 60.0, 20261128, True)
    assert args.host_test == ["radix-tree"]
    args = parser().parse_args(bisect_words(words, "g" * 40, "split-merge"))
    assert (args.good, args.bad, args.testcase, str(args.tree)) == ("g" * 40, "b" * 40, "split-merge", tree.path)
    assert (args.duration, args.seed, args.machine) == (60.0, 20261128, "q35")
    assert (args.arch, args.smp) == ("arm64", 3)


def test_kernels_that_are_only_compiled_have_no_guest_and_no_seed(tmp_path: Path, catalog: Catalog) -> None:
    text = "series:\n  a: {patch: vm_refcnt, suites: [wide]}\nsuites: {wide: {options: [--build-only]}}\n"
    [series] = read(text, tmp_path, catalog).series
    words = command_words(("--patch", "vm_refcnt"), next(combinations(series)), 20261128)
    assert parser().parse_args(words).build_only


@pytest.mark.parametrize("own", ["testcases: [thp], options: [--perf]", "duration: 1m, options: [--build-only]"])
def test_what_a_suite_says_must_go_together(own: str, tmp_path: Path, catalog: Catalog) -> None:
    text = f"series:\n  a: {{patch: vm_refcnt, suites: [wide]}}\nsuites:\n  wide: {{{own}}}\n"
    with pytest.raises(BadDeclaration, match=r":4: .*says nothing beside --"):
        read(text, tmp_path, catalog)
