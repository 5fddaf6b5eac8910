"""What a patch brings of programs, in a real bubblewrap: what it can do, what it cannot, and how that is told."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.build.configure import configure
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.errors import CommandFailed, Fault, Interrupted, KconfigBroken, ToolMissing
from orchestrator.host.process import Cancel, Command, CommandResult, Confined, Runner
from orchestrator.host.sandbox import Sandbox, refusals, try_it
from orchestrator.model.kernel import AppliedTree, Kconfig, Kernel, KernelConfig, Source
from orchestrator.model.subject import patched
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import Cli, git
from tests.integration.test_process import gone

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def no_warning(text: str, detail: str) -> None:
    raise AssertionError(text)


def sandboxed(cancel: Cancel | None = None) -> Runner:
    stop = cancel or Cancel()
    return Runner(stop, confine=Sandbox(True, Runner(stop), no_warning))


class Inside:
    """Runs lines of a shell in the sandbox; they may write in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runner = sandboxed()

    def __call__(self, line: str) -> CommandResult:
        return self.runner.run(Command(("sh", "-c", line), cwd=self.home, confined=Confined(writes=(self.home,))))


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    home = tmp_path / "a home"
    home.mkdir()
    return Inside(home)


# --- what it can do


def test_it_writes_where_it_may(inside: Inside) -> None:
    result = inside("echo built >product && cat product && echo kept >/tmp/scratch && cat /tmp/scratch; pwd")
    assert result.text == f"built\nkept\n{inside.home}\n"
    assert result.is_confined
    assert (inside.home / "product").read_text() == "built\n"


def test_what_it_reads_besides_is_shown_and_no_more(inside: Inside, tmp_path: Path) -> None:
    source, secret = tmp_path / "source", tmp_path / "secret"
    for directory in (source, secret):
        directory.mkdir()
        (directory / "file").write_text("text\n")
    command = Command(
        ("sh", "-c", f"cat {source}/file; echo more >{source}/file; ls {secret}"),
        cwd=inside.home,
        confined=Confined(reads=(source,)),
    )
    result = inside.runner.run(command)
    assert result.text == "text\n"
    assert b"Read-only file system" in result.stderr
    assert b"No such file" in result.stderr


def test_its_end_is_told_as_without_a_sandbox(inside: Inside) -> None:
    assert inside("exit 3").status == 3
    assert inside("kill -SEGV $$").status == -11
    with pytest.raises(ToolMissing, match="no-such-program is not installed"):
        inside.runner.run(Command(("no-such-program",), confined=Confined()))


def test_what_is_trusted_is_not_confined(tmp_path: Path) -> None:
    result = sandboxed().run(Command(("sh", "-c", "echo text >file"), cwd=tmp_path))
    assert not result.is_confined
    assert (tmp_path / "file").read_text() == "text\n"


def test_a_lock_is_held_inside_too(inside: Inside, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = f"readlink /proc/self/fd/{lock.fileno()}"
        command = Command(("sh", "-c", line), cwd=inside.home, confined=Confined())
        assert inside.runner.run(command, holding=lock.fileno()).text == f"{tmp_path / 'lock'}\n"


# --- what it cannot


@pytest.mark.parametrize("place", [Path.home(), Path("/var/tmp"), Path("/etc"), Path("/dev/shm/..")])
def test_it_writes_nowhere_else(inside: Inside, place: Path) -> None:
    name = f"sandbox-{os.getpid()}"
    result = inside(f"echo gone >{shlex.quote(str(place))}/{name}")
    assert not (place / name).exists()
    assert result.status != 0 or place == Path("/dev/shm/..")  # a /dev of its own


@pytest.mark.parametrize(
    "line",
    [
        "mount -o remount,rw /",
        "unshare --user --map-root-user --mount mount -o remount,bind,rw /",
        "umount /tmp",
    ],
)
def test_it_gets_no_rights_back_even_as_root(inside: Inside, line: str) -> None:
    name = f"sandbox-{os.getpid()}"
    assert inside(f"{line} && echo gone >{shlex.quote(str(Path.home()))}/{name}").status != 0
    assert not (Path.home() / name).exists()


def test_it_reaches_no_network_not_even_ours(inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
        for address in ("127.0.0.1", "192.0.2.1"):
            result = inside(f"python3 -c {shlex.quote(program)} {address} {port}")
            assert result.status == 1, address
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert refusals(result.tail())  # "Network is unreachable": there is no way out


def test_it_sees_no_process_and_no_socket_of_others(inside: Inside, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "100"], env={"SECRET": "word"}) as other:
        result = inside(f"cat /proc/{other.pid}/environ; kill -9 {other.pid}; kill -9 -1; ls /run /tmp")
        assert b"word" not in result.stdout
        assert other.poll() is None
        other.kill()
    assert result.text.split() == ["/run:", "/tmp:", *Path(tmp_path).parts[2:3]]


def test_nothing_of_it_stays(inside: Inside) -> None:
    seconds = f"10000.{os.getpid()}"  # no other sleep sleeps so long
    inside(f"setsid sleep {seconds} & while ! pgrep -f {seconds}; do :; done")
    found = subprocess.run(["pgrep", "-f", f"^sleep {seconds}$"], capture_output=True, text=True, check=False)
    for pid in found.stdout.split():
        assert gone(int(pid)), "a process outlived the sandbox"


def test_a_stop_lets_it_clean_up(inside: Inside) -> None:
    """make removes what is half made, if it is asked to end."""
    cancel = Cancel()
    (inside.home / "Makefile").write_text("product:\n\techo half >$@; echo ready >/dev/stderr; sleep 100\n")
    command = Command(("make", "product"), cwd=inside.home, confined=Confined(writes=(inside.home,)))

    def stop_when_half_made() -> None:
        for _ in range(500):
            if (inside.home / "product").exists():
                break
            cancel._event.wait(0.02)
        cancel.set()

    threading.Thread(target=stop_when_half_made).start()
    with pytest.raises(Interrupted):
        sandboxed(cancel).run(command)
    assert not (inside.home / "product").exists()


# --- how it is told


@pytest.fixture
def configured(tree: Path, tmp_path: Path) -> Callable[[str], Product[KernelConfig]]:
    """Configure a tree with this Makefile, in the sandbox."""

    def run(makefile: str) -> Product[KernelConfig]:
        (tree / "Makefile").write_text(makefile)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", "makefile")
        places = Places(tmp_path / "cache", tmp_path / "state")
        context = Context(places, catalog.load_catalog(), sandboxed(), lambda event: None)
        base, _ = tree_base(tree, "HEAD", Workplace(places.bases, context.runner, print))
        applied = AppliedTree(base, git(tree, "rev-parse", "HEAD^{tree}").strip(), ())
        subject = patched(Kernel(Source(), Kconfig("base", ())))
        return configure(context, subject, applied, Toolchain("gcc", "gcc"), tmp_path / "configure.log")

    return run


WRITES = "tinyconfig olddefconfig:\n\t@{} echo CONFIG_64BIT=y >$(O)/.config\n"


@pytest.fixture
def target() -> Iterator[Path]:
    path = Path.home() / f"sandbox-{os.getpid()}"
    yield path
    path.unlink(missing_ok=True)


def test_a_makefile_that_is_refused_something_fails_and_why_is_said(
    configured: Callable[[str], Product[KernelConfig]], target: Path
) -> None:
    with pytest.raises(KconfigBroken, match=r"the sandbox refused: .*Read-only file system") as caught:
        configured(WRITES.format(f"echo gone >{shlex.quote(str(target))};").replace(";", " &&"))
    assert caught.value.fault is Fault.PATCH
    assert str(target) in caught.value.message
    assert not target.exists()


def test_one_that_goes_on_all_the_same_is_named_too(
    configured: Callable[[str], Product[KernelConfig]], target: Path
) -> None:
    made = configured(WRITES.format(f"echo gone >{shlex.quote(str(target))};"))
    assert "the sandbox refused: " in made.note
    assert not target.exists()
    assert "CONFIG_64BIT" in made.value.symbols


def test_an_ordinary_makefile_is_refused_nothing(configured: Callable[[str], Product[KernelConfig]]) -> None:
    assert configured(WRITES.format("")).note == ""


# --- where there is none


def programs(directory: Path, *names: str) -> str:
    """A PATH with these programs alone."""
    directory.mkdir()
    for name in names:
        (directory / name).symlink_to(shutil.which(name) or name)
    return str(directory)


def test_without_bubblewrap_it_is_said_once_and_nothing_is_confined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", "sh", "setpriv", "env"))
    told: list[str] = []
    runner = Runner(Cancel(), confine=Sandbox(None, Runner(Cancel()), lambda text, detail: told.append(text)))
    for _ in range(2):
        assert not runner.run(Command(("sh", "-c", "exit"), confined=Confined())).is_confined
    assert len(told) == 1
    assert "bubblewrap is not installed" in told[0]


def test_one_that_is_demanded_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", "sh", "setpriv", "env"))
    with pytest.raises(ToolMissing, match="bubblewrap is not installed") as caught:
        Sandbox(True, Runner(Cancel()), no_warning).check()
    assert "--no-sandbox" in caught.value.hint


def test_one_that_is_not_wanted_is_not_tried(tmp_path: Path) -> None:
    runner = Runner(Cancel(), confine=Sandbox(False, Runner(Cancel()), no_warning))
    assert not runner.run(Command(("sh", "-c", "exit"), confined=Confined())).is_confined


NO_NAMESPACES = """
from orchestrator.errors import CommandFailed
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.sandbox import try_it
try:
    try_it(Runner(Cancel()))
except CommandFailed as error:
    print(error.message, error.hint, sep="\\n")
"""


def test_without_user_namespaces_it_says_what_the_host_must_allow() -> None:
    """In a namespace that allows none below it, as a host does that forbids them."""
    line = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", line, "sh", sys.executable, "-c", NO_NAMESPACES]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert "bubblewrap does not work here: " in said
    assert "user.max_user_namespaces" in said


def test_the_one_here_works() -> None:
    try_it(Runner(Cancel()))


def test_a_program_that_cannot_be_a_sandbox_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: Unknown option --cap-drop' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CommandFailed, match="Unknown option --cap-drop"):
        try_it(Runner(Cancel()))


def test_the_command_ends_before_anything_is_done(cli: Cli, tree: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", "sh", "setpriv", "env", "git", "gcc")
    done = cli("build", "--tree", str(tree), "--sandbox", env={"PATH": path})
    assert done.returncode == 3
    assert "bubblewrap is not installed" in done.stderr


# --- directories that have two names


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
@pytest.mark.parametrize("link", ["ccache", "cache", "dangling"])
def test_a_ccache_behind_a_link_is_the_one_that_is_used(tmp_path: Path, link: str) -> None:
    """As of workers that share one, or of a cache on another disk; the link lies where the sandbox hides all."""
    disk, source = tmp_path / "disk", tmp_path / "source"
    source.mkdir()
    (source / "a.c").write_text("int a;\n")
    for name in ("one", "two"):
        cache = tmp_path / name / "cache"
        cache.parent.mkdir()
        if link == "cache":
            disk.mkdir(exist_ok=True)
            cache.symlink_to(disk)
        else:
            cache.mkdir()
            (disk if link == "ccache" else tmp_path).mkdir(exist_ok=True)
            (cache / "ccache").symlink_to(disk)
        ccache, stats = Places(cache, tmp_path / "state").ccache, source / f"{name}.stats"
        env = (("CCACHE_DIR", str(ccache)), ("CCACHE_TEMPDIR", str(ccache / "tmp")), ("CCACHE_STATSLOG", str(stats)))
        done = sandboxed().run(
            Command(
                ("ccache", "gcc", "-c", "a.c", "-o", f"{name}.o"), cwd=source, env=env,
                confined=Confined(writes=(source, ccache)),
            )
        )  # fmt: skip
        assert done.status == 0, done.tail()
    assert "cache_miss" in (source / "one.stats").read_text()
    assert "direct_cache_hit" in (source / "two.stats").read_text()
