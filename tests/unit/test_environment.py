"""What children get of our environment."""

from __future__ import annotations

import pytest

from orchestrator.host.environment import DEFAULTS, access, for_children, identity

KEPT_OUT = {
    "make": (
        "MAKEFLAGS",
        "GNUMAKEFLAGS",
        "MAKEFILES",
        "MFLAGS",
        "MAKELEVEL",
        "O",
        "V",
        "W",
        "C",
        "SHELLOPTS",
        "BASH_ENV",
    ),
    "Kbuild": ("ARCH", "CROSS_COMPILE", "LLVM", "KCFLAGS", "KBUILD_OUTPUT", "KCONFIG_CONFIG", "LOCALVERSION", "TZ"),
    "its tools": (
        "CC",
        "LD",
        "AR",
        "NM",
        "OBJCOPY",
        "HOSTCC",
        "HOSTLD",
        "HOSTAR",
        "RUSTC",
        "BINDGEN",
        "PAHOLE",
        "PATHS",
    ),
    "gcc": ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "SOURCE_DATE_EPOCH"),
    "ccache": ("CCACHE_DIR", "CCACHE_PREFIX", "CCACHE_DISABLE", "XDG_RUNTIME_DIR"),
    "git": (
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_EMAIL",
        "EMAIL",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
    ),
    "any program": ("LD_PRELOAD", "LANG", "LC_MESSAGES", "LANGUAGE", "PYTHONPATH", "PERL5LIB", "ASAN_OPTIONS", "TOKEN"),
}


@pytest.mark.parametrize("tool", KEPT_OUT)
def test_what_changes_a_build_is_kept_out(tool: str) -> None:
    assert for_children(dict.fromkeys(KEPT_OUT[tool], "x"), {}) == DEFAULTS


def test_what_programs_need_to_run_passes() -> None:
    ours = {"PATH": "/bin", "HOME": "/h", "TMPDIR": "/t", "https_proxy": "p", "NO_PROXY": "n", "XDG_CONFIG_HOME": "/c"}
    assert for_children(ours, {}) == {**ours, **DEFAULTS}


def test_changes_win_and_a_cache_of_ours_is_used() -> None:
    made = for_children({"PATH": "/bin"}, {"PATH": "/ours", "CCACHE_DIR": "/cache"})
    assert made == {"PATH": "/ours", "LC_ALL": "C", "CCACHE_DIR": "/cache"}


def test_who_the_user_is_is_for_those_who_ask_for_it() -> None:
    ours = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b",
        "EMAIL": "e@b",
        "GIT_AUTHOR_DATE": "now",
        "GIT_DIR": "x",
    }
    assert dict(identity(ours)) == {"GIT_AUTHOR_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b", "EMAIL": "e@b"}


def test_what_reaches_other_machines_is_for_the_users_own_commands() -> None:
    ours = {
        "SSH_AUTH_SOCK": "/s",
        "GIT_SSH_COMMAND": "ssh -i k",
        "GIT_SSL_CAINFO": "c",
        "SSH_CLIENT": "x",
        "TOKEN": "t",
    }
    assert dict(access(ours)) == {"SSH_AUTH_SOCK": "/s", "GIT_SSH_COMMAND": "ssh -i k", "GIT_SSL_CAINFO": "c"}
    assert for_children(ours, {}) == DEFAULTS
