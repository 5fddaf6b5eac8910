"""Programs of a patch's author run confined, in bubblewrap (bwrap(1)), where it is installed and works.

They see the host's files read-only, may write in the few directories that their command names, have a /tmp, /run, /dev
and /proc of their own, and neither network, nor other processes, nor capabilities, whoever runs us.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.host.process import Command, Runner, find_program

BUBBLEWRAP = "bwrap"
# Replaced by empty directories: others leave files and sockets there, through which programs outside can be asked
HIDDEN = (Path("/tmp"), Path("/run"))
ISOLATED = (
    # of its own: users, so that no right of ours is one inside; processes; network, with the loopback device alone; ...
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
    "--cap-drop", "ALL",  # or root could mount everything anew
    "--die-with-parent",
    "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
    *(word for path in HIDDEN for word in ("--tmpfs", os.fspath(path))),
    "--setenv", "TMPDIR", "/tmp",
)  # fmt: skip
# bwrap does not pass signals on, and takes everything inside with it when it dies. A make that is asked to end has
# half-made files to remove, so bwrap ignores SIGTERM, and what it starts does not.
DEAF, HEARING = ("env", "--ignore-signal=TERM"), ("env", "--default-signal=TERM")
# What those say who are refused something: the C library's words, in English (environment.py)
REFUSED = re.compile(
    r"^.*(?:Read-only file system|Network is unreachable|Temporary failure in name resolution"
    r"|Could not resolve host|unable to resolve host).*$",
    re.MULTILINE,
)
MOST_TOLD = 10
INSTALL = "install bubblewrap (`orchestrate doctor --install`), or test without: --no-sandbox"
WORKS_NOT = (
    "it needs user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone (older Debian), "
    "kernel.apparmor_restrict_unprivileged_userns (Ubuntu); or test without: --no-sandbox"
)


def try_it(runner: Runner) -> None:
    """Start a program in a sandbox. Raises ToolMissing if bubblewrap is not installed, CommandFailed if it cannot do
    here what it is for."""
    if find_program(BUBBLEWRAP) is None:
        raise ToolMissing("bubblewrap is not installed", hint=INSTALL)
    result = runner.run(Command((*DEAF, BUBBLEWRAP, *ISOLATED, "--", *HEARING, "true")), timeout_s=30.0)
    if result.status != 0:
        said = result.tail(1) or f"exit status {result.status}"
        raise CommandFailed(f"bubblewrap does not work here: {said}", hint=WORKS_NOT, detail=result.tail())


class Sandbox:
    """Confines commands that name what they may do. `wanted` None: where bubblewrap works, else `warn` is told once.

    Whether it works is tried, by `tried`, at the first such command, or by `check`. Thread-safe.
    """

    def __init__(
        self,
        wanted: bool | None,
        runner: Runner,
        warn: Callable[[str, str], None],
        tried: Callable[[Runner], None] = try_it,
    ) -> None:
        self._wanted, self._runner, self._warn, self._try = wanted, runner, warn, tried
        self._lock = threading.Lock()
        self._works: bool | None = False if wanted is False else None

    def check(self) -> None:
        """Raises ToolMissing or CommandFailed if a sandbox is demanded and cannot be had."""
        if self._wanted:
            self._is_there()

    def __call__(self, command: Command) -> tuple[str, ...]:
        """What to start a command with; nothing if it is trusted, or if there is no sandbox. Makes the directories that
        it may write in. Raises as `check`."""
        if command.confined is None or not self._is_there():
            return ()
        for path in command.confined.writes:
            path.resolve().mkdir(parents=True, exist_ok=True)  # it may be a link to what is not there yet
        return prefix(command, os.get_exec_path())

    def _is_there(self) -> bool:
        with self._lock:
            if self._works is None:
                try:
                    self._try(self._runner)
                except (ToolMissing, CommandFailed) as error:
                    if self._wanted:
                        raise
                    said = "no sandbox: what the tested tree's Makefiles and host programs do, they do as you"
                    self._warn(f"{said} ({error.message})", error.detail)
                    self._works = False
                else:
                    self._works = True
            return self._works


def prefix(command: Command, search_path: list[str]) -> tuple[str, ...]:
    """The words before a confined command's own. `search_path` is PATH: programs in hidden places stay visible."""
    confined, cwd = command.confined, (command.cwd or Path.cwd()).resolve()
    assert confined is not None
    shown = {cwd: cwd, **_named(confined.reads), **{path: path for path in map(Path, search_path)}}
    writes = [(os.fspath(name), os.fspath(path)) for name, path in _named(confined.writes).items()]
    return (
        *DEAF,
        str(find_program(BUBBLEWRAP) or BUBBLEWRAP),
        *ISOLATED,
        *(word for name, path in _below_hidden(shown) for word in ("--ro-bind", path, name)),
        *(word for name, path in writes for word in ("--bind", path, name)),
        "--chdir",
        os.fspath(cwd),
        "--",
        *HEARING,
    )


def refusals(text: str) -> tuple[str, ...]:
    """The lines of a confined command's output that tell of something that the sandbox refused."""
    return tuple(dict.fromkeys(match[0].strip() for match in REFUSED.finditer(text)))[:MOST_TOLD]


def _named(paths: Iterable[Path]) -> dict[Path, Path]:
    """Where each is to be seen: where it is, and where links lead to it from hidden places, which are hidden, too."""
    found = {}
    for path in paths:
        found[path.resolve()] = path.resolve()
        if path.is_absolute() and any(path.is_relative_to(hidden) for hidden in HIDDEN):
            found[path] = path.resolve()
    return found


def _below_hidden(paths: Mapping[Path, Path]) -> Iterator[tuple[str, str]]:
    """Those that would be hidden, parents before what lies in them: what is bound later lies on top."""
    for name, path in sorted(paths.items()):
        if any(name.is_relative_to(hidden) for hidden in HIDDEN) and path.is_dir() and name not in HIDDEN:
            yield os.fspath(name), os.fspath(path)
