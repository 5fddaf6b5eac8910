"""A PostgreSQL server of the tests' own: a new cluster in a directory, reached through a socket there alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server that ends with the block. Skips the test where PostgreSQL is not installed."""
    found = shutil.which("initdb") or next(
        (str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), None
    )
    if found is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    binaries = Path(found).resolve().parent
    home = Path(tempfile.mkdtemp(prefix="orchestrate-pg-", dir="/tmp"))  # the path of a socket must be short
    as_user: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            pytest.skip(f"PostgreSQL does not run as root, and there is no user {USER}")
        os.chown(home, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={user.pw_gid}", "--clear-groups"]

    def call(program: str, *words: str) -> None:
        command = [*as_user, str(binaries / program), *words]
        done = subprocess.run(
            command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout

    data = str(home / "data")
    try:
        call("initdb", "--pgdata", data, "--username", USER, "--auth", "trust", "--no-sync", "--encoding", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories={home}"
        call("pg_ctl", "--pgdata", data, "--wait", "--log", str(home / "log"), "--options", options, "start")
        try:
            yield f"postgresql://{USER}@/postgres?host={home}"
        finally:
            call("pg_ctl", "--pgdata", data, "--wait", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
