"""The real thing: real kernels, real guests, the user's real cache. What a kernel build costs is paid once.

Every kernel here is vm_refcnt, or vm_refcnt and one more patch that touches one file: make then compiles that file.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.valid_json import read_valid

ROOT = Path(__file__).resolve().parents[2]
BUILD_S = 2400  # a cold build on two emulated-cloud cores, with room


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.qemu)
            item.add_marker(pytest.mark.timeout(BUILD_S))


@dataclass
class Job:
    """A run of `orchestrate test` that may still be going on."""

    process: subprocess.Popen[str]
    run_dir: Path
    said: list[str] = field(default_factory=list)

    def wait_for(self, pattern: str, timeout_s: float = BUILD_S) -> str:
        """Read its progress up to a line that matches."""
        assert self.process.stderr
        until = time.monotonic() + timeout_s
        for line in self.process.stderr:
            self.said.append(line)
            if re.search(pattern, line):
                return line
            assert time.monotonic() < until, "".join(self.said)
        raise AssertionError(f"ended without {pattern!r}:\n{''.join(self.said)}")

    def finish(self, timeout_s: float = BUILD_S) -> int:
        out, err = self.process.communicate(timeout=timeout_s)
        self.said.append(err)
        self.said.append(out)
        return self.process.returncode

    @property
    def text(self) -> str:
        return "".join(self.said)

    def report(self) -> dict[str, Any]:
        return read_valid(self.run_dir / "report.json")

    def suite(self, name: str = "base.patched") -> dict[str, Any]:
        return next(suite for suite in self.report()["suites"] if suite["name"] == name)

    def stage(self, name: str, suite: str = "base.patched") -> dict[str, Any]:
        return next(stage for stage in self.suite(suite)["stages"] if stage["stage"] == name)

    def case(self, name: str, suite: str = "base.patched") -> dict[str, Any]:
        return next(case for case in self.suite(suite)["cases"] if case["case"] == name)

    def qemus(self) -> list[int]:
        """The QEMU processes of this run, found by their working directory."""
        return [
            pid
            for pid in pids()
            if working_directory(pid).startswith(f"{self.run_dir}/") and "qemu-system" in program(pid)
        ]


Start = Callable[..., Job]
LEAST_COVERAGE = 80  # percent. An idle host meets more of the races: 89 % and more


@pytest.fixture(scope="session")
def main_job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """What the README begins with, all default cases on vm_refcnt, with all files that a run can write beside it."""
    where = tmp_path_factory.mktemp("main")
    files = (("--junit", "junit.xml"), ("--json", "report.json"), ("--lcov", "c.info"), ("--cobertura", "c.xml"))
    process = subprocess.Popen(
        [
            sys.executable, "-m", "orchestrator", "test", "--patch", "patches/vm_refcnt", "--duration", "3",
            "--coverage-min", str(LEAST_COVERAGE), "--output", str(where / "run"),
            *(word for option, name in files for word in (option, str(where / "out" / name))),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    job = Job(process, where / "run")
    job.finish()
    return job


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Begin a run: start(*arguments, output=..., env=...)."""
    jobs: list[Job] = []

    def begin(*args: str, output: str = "run", env: dict[str, str] | None = None) -> Job:
        run_dir = tmp_path / output
        process = subprocess.Popen(
            # a CI that runs us in the background has SIGINT ignored, which orchestrate respects; these tests send it
            ["env", "--default-signal=INT", sys.executable, "-m", "orchestrator", "test", "--output", run_dir, *args],
            env={**os.environ, "NO_COLOR": "1", **(env or {})},
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        jobs.append(Job(process, run_dir))
        return jobs[-1]

    yield begin
    for job in jobs:
        if job.process.poll() is None:
            job.process.send_signal(signal.SIGTERM)
            job.process.communicate(timeout=60)


@pytest.fixture
def series_with(tmp_path: Path) -> Callable[..., Path]:
    """A directory with vm_refcnt's patches and more behind them: names under patches/broken, or texts."""

    def make(*more: str | Path, name: str = "series") -> Path:
        directory = tmp_path / name
        shutil.copytree(ROOT / "patches/vm_refcnt", directory)
        (directory / "0000-cover-letter.patch").unlink()
        for path in sorted(directory.glob("*.patch")):
            # the numbers in the subjects would say that the series is complete without ours
            path.write_text(
                re.sub(r"^Subject: \[PATCH[^]]*\]", "Subject: [PATCH]", path.read_text(), count=1, flags=re.M)
            )
        for number, patch in enumerate(more, 90):
            source = patch if isinstance(patch, Path) else ROOT / "patches/broken" / f"{patch}.patch"
            shutil.copyfile(source, directory / f"{number:04d}-{source.name}")
        return directory

    return make


@pytest.fixture
def own_root(tmp_path: Path) -> Path:
    """A directory like the checkout's, to which a test adds cases."""
    root = tmp_path / "root"
    for name in ("testcases", "kconfigs", "patches"):
        shutil.copytree(ROOT / name, root / name)
    return root


def add_case(root: Path, name: str, body: str, timeout_s: int = 30) -> None:
    """A case of one program: `body` is what it does between its plan and its end."""
    case = root / "testcases" / name
    case.mkdir()
    (case / "main.c").write_text(
        "#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n"
        f'int main(void)\n{{\n\tputs("KTAP version 1\\n1..1");\n\t{body}\n\treturn 0;\n}}\n'
    )
    (case / "testcase.yaml").write_text(f"summary: {name}\nsources: [main.c]\ntimeout_s: {timeout_s}\n")


def flip_bytes(path: Path) -> None:
    """What a bad disk does: half of the file is different, and neither its size nor its time shows it."""
    before, data = path.stat(), bytearray(path.read_bytes())
    middle = slice(len(data) // 4, len(data) // 4 * 3)
    data[middle] = bytes(byte ^ 0x55 for byte in data[middle])
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def working_directory(pid: int) -> str:
    try:
        return f"{Path(f'/proc/{pid}/cwd').readlink()}/"
    except OSError:
        return ""


def program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""
