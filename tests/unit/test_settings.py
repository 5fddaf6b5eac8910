"""Settings: which one holds, where it comes from, what a file may not say, and what a tree may not."""

from __future__ import annotations

import argparse
import os
import threading
from pathlib import Path

import pytest

from orchestrator.arguments.parser import parser
from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.invocation.compose import request_of
from orchestrator.settings.keys import FROM_TREE, KEYS, Settings, variable
from orchestrator.settings.resolve import apply, blame, resolve


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config/orchestrate").mkdir(parents=True)
    (tmp_path / "linux").mkdir()
    return tmp_path


def user(home: Path, text: str) -> None:
    (home / "config/orchestrate/config.toml").write_text(text)


def tree(home: Path, text: str) -> Path:
    (home / "linux/orchestrate.toml").write_text(text)
    return home / "linux"


def found(home: Path, *words: str, where: Path | None = None, **environment: str) -> argparse.Namespace:
    args = parser().parse_args(["test", *words])
    args.found = resolve(args, {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), **environment}, where)
    apply(args, args.found)
    return args


def refused(home: Path, *words: str, **environment: str) -> OrchestrateError:
    with pytest.raises(UsageError) as caught:
        found(home, *words, **environment)
    return caught.value


def test_an_option_beats_the_environment_that_beats_the_tree_that_beats_the_user(home: Path) -> None:
    user(home, f'tree = "{home}/linux"\nmachine = "q35"\njobs = 5\nbase = "mine"\nkconfigs = ["kasan"]\n')
    tree(home, '# ours\nbase = "mm-unstable"\nkconfigs = ["base", "debug+kasan"]\n')
    args = found(home, "--machine", "microvm", ORCHESTRATE_KCONFIGS="debug, kasan", ORCHESTRATE_MACHINE="q36")
    config = home / "config/orchestrate/config.toml"
    assert {name: (one.value, one.origin) for name, one in args.found.items() if one.value is not None} == {
        "tree": (f"{home}/linux", f"{config}:1"),
        "base": ("mm-unstable", f"{home}/linux/orchestrate.toml:2"),
        "kconfigs": (("debug", "kasan"), "ORCHESTRATE_KCONFIGS"),
        "machine": ("microvm", "option"),
        "jobs": (5, f"{config}:3"),
    }
    request = request_of(args)
    assert (request.tree, request.base, request.kconfigs) == (f"{home}/linux", "mm-unstable", ("debug", "kasan"))
    assert (request.machine, request.jobs, request.accel) == ("microvm", 5, "auto")


@pytest.fixture
def stood_in(home: Path) -> Path:
    """A directory in a kernel's git tree, not the one of `tree`, whose developers say on what and how they test."""
    below = home / "mine/drivers/net"
    below.mkdir(parents=True)
    for name in (".git", "mm"):
        (home / "mine" / name).mkdir()
    (home / "mine/Kconfig").touch()
    (home / "mine/orchestrate.toml").write_text('kconfigs = ["debug"]\nbase = "net-next"\n')
    return below


def test_the_file_of_the_tree_that_the_user_stands_in_holds_where_its_commits_are_tested(
    home: Path, stood_in: Path
) -> None:
    tree(home, 'kconfigs = ["kasan"]\nbase = "mm-unstable"\n')
    user(home, f'tree = "{home}/linux"\nkconfigs = ["base"]\n')
    mine, other = ("debug", f"{home}/mine/orchestrate.toml:1"), ("kasan", f"{home}/linux/orchestrate.toml:1")
    for words, expected in (
        ((), mine), (("main..HEAD",), mine), (("fix.patch",), other), (("a/../b.patch",), other),
        (("--tree", f"{home}/linux"), other), (("main..HEAD", "--tree", f"{home}/linux"), other),
    ):  # fmt: skip
        kconfigs = found(home, *words, where=stood_in).found["kconfigs"]
        assert ((*kconfigs.value,), kconfigs.origin) == ((expected[0],), expected[1]), words
    assert found(home, where=home).found["kconfigs"].value == ("kasan",), "no kernel tree"


def test_a_base_in_the_file_of_the_tree_that_the_user_stands_in_brings_the_tree_along(
    home: Path, stood_in: Path
) -> None:
    place = f"{home}/mine/orchestrate.toml:2"
    args = found(home, "fix.patch", where=stood_in)
    assert (args.found["tree"].value, args.found["tree"].origin) == (f"{home}/mine", f"the tree of {place}")
    assert (args.found["base"].value, args.found["base"].origin) == ("net-next", place)
    args = found(home, "fix.patch", "--base", "linux-source-6.12", where=stood_in)
    assert (args.found["tree"].value, args.found["base"].value) == (None, "linux-source-6.12")
    assert args.found["kconfigs"].value == ("debug",)


def test_an_unknown_key_of_the_tree_that_the_user_stands_in_is_an_error_with_near_names(
    home: Path, stood_in: Path
) -> None:
    (home / "mine/orchestrate.toml").write_text('\nkconfig = ["debug"]\n')
    with pytest.raises(UsageError) as caught:
        found(home, where=stood_in)
    assert f"{home}/mine/orchestrate.toml:2" in caught.value.message
    assert "kconfigs" in f"{caught.value.message} {caught.value.hint}"


def test_a_package_as_the_base_sets_the_tree_of_a_file_aside_and_not_that_of_an_option(home: Path) -> None:
    user(home, f'tree = "{home}/linux"\n')
    tree(home, 'kconfigs = ["debug"]\n')
    args = found(home, "--base", "linux-source-6.12")
    assert (args.tree, args.settings.kconfigs) == (None, None)
    assert args.found["tree"].origin == "set aside: linux-source-6.12 is no revision of it"
    assert found(home, "--base", "linux-source-6.12", "--tree", str(home / "linux")).settings.kconfigs == ("debug",)


def test_the_archive_is_an_option_and_a_setting(home: Path) -> None:
    user(home, 'archive = "https://lists.example.org/all"\n')
    assert request_of(found(home)).archive == "https://lists.example.org/all"
    assert request_of(found(home, "--archive", "http://127.0.0.1/x")).archive == "http://127.0.0.1/x"


def test_the_history_is_a_file_or_a_server(home: Path) -> None:
    def history(*words: str) -> str | None:
        args = parser().parse_args(["history", "import", *words])
        apply(args, resolve(args, {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}))
        return args.history

    assert history() is None
    user(home, 'history = "~/h.db"\n')
    assert history() == os.path.expanduser("~/h.db")  # noqa: PTH111, that of this process
    user(home, 'history = "postgresql://db/runs"\n')
    assert history() == "postgresql://db/runs"
    assert history("--history", "here.db") == "here.db"


def test_nothing_set_is_as_before(home: Path) -> None:
    args = found(home)
    assert args.settings == Settings()
    assert (request_of(args).machine, request_of(args).kconfigs, request_of(args).base) == ("", ("base",), None)


def test_a_relative_xdg_directory_is_ignored_and_home_is_spelled_out(home: Path) -> None:
    (home / ".config/orchestrate").mkdir(parents=True)
    (home / ".config/orchestrate/config.toml").write_text('cache = "~/big"\n')
    args = parser().parse_args(["test"])
    settings = resolve(args, {"HOME": str(home), "XDG_CONFIG_HOME": "here"})
    assert settings["cache"].value == os.path.expanduser("~/big")  # noqa: PTH111, that of this process


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("\njobs = 'four'\n", ":2: jobs: expected an integer, got 'four'", ""),
        ("jobs = 0\n", ":1: jobs: expected 1 or more, got 0", ""),
        ("# x\n\nkconfig = ['debug']\n", ":3: unknown key kconfig", "did you mean kconfigs?"),
        ("kconfigs = 'debug'\n", ":1: kconfigs: expected a list, got 'debug'", ""),
        ("kconfigs = []\n", ":1: kconfigs: expected something, got nothing", ""),
        ("accel = 'kvn'\n", ":1: accel: expected one of auto, kvm, tcg, got 'kvn'", ""),
        ("cache = 'here'\n", ":1: cache: expected an absolute path or ~/..., got 'here'", ""),
        ("archive = 'lore'\n", ":1: archive: expected an address that begins with https:// or http://, got 'lore'", ""),
        ("history = 'h.db'\n", ":1: history: expected an absolute path or ~/..., got 'h.db'", ""),
        ("cache_budget = 'much'\n", ":1: cache_budget: much: not a size", ""),
        ("ci_name = 'mm lab'\n", ":1: ci_name: expected a name of a-z, 0-9 and _, got 'mm lab'", ""),
        ("squad_project = 'mm'\n", ":1: squad_project: expected GROUP/PROJECT, got 'mm'", ""),
        ("location = '/srv'\n", ":1: location: expected an address that begins with https:// or http://", ""),
        ("patchwork_server = 'http://x?y'\n", ":1: patchwork_server: expected an address that begins with", ""),
        ("plain_http = 'yes'\n", ":1: plain_http: expected one of loopback, anywhere, got 'yes'", ""),
        ("jobs = \n", "not TOML", ""),
        ("[kernel]\nbase = 'x'\n", ":1: unknown key kernel", "known keys"),
        ("a = " + "[" * 5000, "not TOML", ""),
    ],
)
def test_a_wrong_file_names_file_line_key_and_what_is_allowed(home: Path, text: str, words: str, hint: str) -> None:
    user(home, text)
    error = refused(home)
    assert f"config.toml{words}" in error.message or (words == "not TOML" and words in error.message)
    assert hint in error.hint


def test_several_wrong_keys_are_named_at_once_with_their_lines(home: Path) -> None:
    user(home, 'jobs = "x"\nbase = 5\n')
    assert "line 1: jobs: expected an integer" in refused(home).message
    assert "line 2: base: expected a string" in refused(home).message


@pytest.mark.parametrize(
    ("word", "text", "words"),
    [
        ("ORCHESTRATE_JOBS", "x", "ORCHESTRATE_JOBS: jobs: expected an integer, got 'x'"),
        ("ORCHESTRATE_KCONFIG", "debug", "ORCHESTRATE_KCONFIG: there is no such setting"),
        ("ORCHESTRATE_TREE", "linux", "ORCHESTRATE_TREE: tree: expected an absolute path"),
    ],
)
def test_a_wrong_variable_is_named(home: Path, word: str, text: str, words: str) -> None:
    error = refused(home, **{word: text})
    assert error.message.startswith(words)
    assert word != "ORCHESTRATE_KCONFIG" or error.hint == "did you mean kconfigs?"


def test_an_empty_variable_is_not_set_and_other_programs_variables_are_theirs(home: Path) -> None:
    args = found(home, ORCHESTRATE_JOBS="", ORCHESTRATE_ROOT="/x", ORCHESTRATION="y")
    assert args.settings == Settings()


# --- a tree that nobody trusts


@pytest.mark.parametrize("name", sorted(set(KEYS) - set(FROM_TREE)))
def test_a_tree_sets_no_place_no_server_and_no_amount(home: Path, name: str) -> None:
    own = {"jobs": "1000", "accel": "'kvm'", "color": "'never'", "plain_http": "'anywhere'", "ci_name": "'me'"}
    own |= dict.fromkeys(("archive", "location"), "'https://evil.example'")
    own |= {
        "executor": "'dask://evil.example:1'",
        "sandbox": "false",
        "squad_project": "'a/b'",
        "patchwork_project": "'mm'",
        "toolchains": "['/tmp/evil']",
    }
    value = "'https://evil.example'" if name.endswith("_server") else own.get(name, "'/tmp/20G'")
    user(home, f'tree = "{home}/linux"\n')
    where = tree(home, f"{name} = {value if name != 'cache_budget' else repr('20G')}\n")
    error = refused(home)
    assert error.message == f"{where}/orchestrate.toml:1: a tree may not set {name}"
    assert "it may set base, kconfigs" in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "base = '--output=/etc/passwd'",
        "base = 'a b'",
        "base = 'x\\ny'",
        "kconfigs = ['/etc/passwd']",
        "kconfigs = ['../x']",
        "kconfigs = ['base', 'a+../../x']",
        "testcases = ['/x']",
        "testcases = ['-v']",
        "machine = '../../etc/passwd'",
        "machine = 'q35,accel=kvm -device x'",
        'base = "\\u001b[31m"',
    ],
)
def test_a_tree_names_nothing_but_names_and_revisions(home: Path, line: str) -> None:
    where = tree(home, f"{line}\n")
    assert f"{where}/orchestrate.toml:1: {line.split()[0]}: expected a" in refused(home, "--tree", str(where)).message


def test_of_a_file_that_is_not_the_trees_nothing_is_told(home: Path) -> None:
    (home / "secret").write_text('password = "hunter2"\n')
    (home / "linux/orchestrate.toml").symlink_to(home / "secret")
    error = refused(home, "--tree", str(home / "linux"))
    assert "a symbolic link" in error.message
    assert "hunter2" not in error.message + error.hint + error.detail
    assert "password" not in error.message + error.hint + error.detail


@pytest.mark.parametrize("kind", ["fifo", "directory", "large", "bytes"])
def test_what_is_no_small_text_file_neither_hangs_nor_falls(home: Path, kind: str) -> None:
    path = home / "linux/orchestrate.toml"
    {
        "fifo": lambda: os.mkfifo(path),
        "directory": path.mkdir,
        "large": lambda: path.write_bytes(b"#" * 10_000_000),
        "bytes": lambda: path.write_bytes(b"base = '\xff'"),
    }[kind]()
    errors: list[OrchestrateError] = []
    thread = threading.Thread(target=lambda: errors.append(refused(home, "--tree", str(home / "linux"))), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert str(path) in errors[0].message


def test_variables_are_named_after_keys() -> None:
    assert variable("cache_budget") == "ORCHESTRATE_CACHE_BUDGET"


def test_an_error_about_a_value_says_where_it_was_set(home: Path) -> None:
    user(home, '\nkconfigs = ["base", "debug+kasna"]\njobs = 3\n')
    args = found(home, "--machine", "q36")
    where = f"kconfigs is set in {home}/config/orchestrate/config.toml:2"
    assert blame("unknown kconfig kasna", args.found) == where
    assert blame("unknown kconfig debug+kasna", args.found) == where
    assert blame("unknown machine q36", args.found) == ""  # that was an option
    assert blame("unknown kconfig kasna2", args.found) == ""


# --- servers that get results, and their tokens


@pytest.mark.parametrize("name", ["kcidb_token", "patchwork_token", "squad_token"])
def test_a_token_is_a_file_or_a_variable_and_is_never_repeated(home: Path, name: str) -> None:
    user(home, f'{name} = "~/.token"\n')
    assert getattr(found(home).settings, name) == os.path.expanduser("~/.token")  # noqa: PTH111, that of this process
    user(home, f'{name} = "$KCIDB_JWT"\n')
    assert getattr(found(home).settings, name) == "$KCIDB_JWT"
    user(home, f'{name} = "eyJhbGciOi.secret"\n')
    error = refused(home)
    assert f":1: {name}: expected an absolute path, ~/... or $VARIABLE" in error.message
    assert "secret" not in f"{error.message}{error.hint}{error.detail}"


def test_an_address_with_a_token_in_it_is_refused_and_not_repeated(home: Path) -> None:
    user(home, 'kcidb_server = "https://s3cret@db.kernelci.org/"\n')
    error = refused(home)
    assert ":1: kcidb_server: an address with a user or a token in it" in error.message
    assert error.hint == "kcidb_token names a file"
    assert "s3cret" not in f"{error.message}{error.hint}{error.detail}"


def test_names_of_ours_elsewhere_are_checked_as_options_too(home: Path) -> None:
    user(home, 'ci_name = "mm_lab"\nlocation = "https://ci.example.org/runs/"\n')
    request = request_of(found(home))
    assert (request.ci_name, request.location) == ("mm_lab", "https://ci.example.org/runs")
    request = request_of(found(home, "--location", "https://x.example/", "--ci-name", "other"))
    assert (request.ci_name, request.location) == ("other", "https://x.example")
    assert (
        refused(home, "--ci-name", "No!").message == "--ci-name: ci_name: expected a name of a-z, 0-9 and _, got 'No!'"
    )
    assert "--location: location: expected an address" in refused(home, "--location", "here").message
