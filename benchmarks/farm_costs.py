"""What the operations of a night cost on this machine, for the simulation of farm.py.

    python benchmarks/farm_costs.py

Each is done by the project's own code. Seconds of CPU, so that other work on the host counts little.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import distributed
from farm_simulation import Costs

from orchestrator.cluster import identity, transport
from orchestrator.cluster.connection import Connection
from orchestrator.cluster.fetched import Peers, fetch
from orchestrator.cluster.placement import Announced, Member, place, warm_name
from orchestrator.cluster.served import FileServer, Offered
from orchestrator.cluster.task import small_contents
from orchestrator.codec import dumps
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.history.database import open_database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.journal import Journal
from orchestrator.model.artifact import Artifact
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.job import Session
from orchestrator.model.kernel import Kernel, Source
from orchestrator.model.subject import patched
from orchestrator.storage.manifest import file_digest
from orchestrator.version import version
from tests.integration.farms import Farm
from tests.integration.postgres import server as postgres
from tests.nights import Night, run
from tests.unit.simulated import plan as simulated_plan

MACHINES = 40  # workers of one process, which do nothing
PASSES = 3
ATTEMPTS = 15  # of a session


def measured() -> Costs:
    """Seconds of CPU, each the least of several passes."""
    found: dict[str, float] = {}
    for one in (of_tasks, of_places, of_files, of_records, of_rows):
        passes = [one() for _ in range(PASSES)]
        found |= {name: min(each[name] for each in passes) for name in passes[0]}
    return Costs(**found)


def lines_of(costs: Costs) -> str:
    return "\n".join(f"{one.name}: {getattr(costs, one.name):.3g}" for one in fields(Costs))


def of_tasks() -> dict[str, float]:
    """A scheduler, workers that say as much as real ones, and tasks that do nothing."""
    with tempfile.TemporaryDirectory() as made:
        farm = Farm(Path(made), silence_s=300)
        identity.create(farm.identity)
        try:
            farm.scheduler()
            words = [sys.executable, __file__, "--be-workers", farm.address, str(farm.identity)]
            farm.add("workers", subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            assert farm.heard("workers") == "ready\n"
            pid = farm.children["scheduler"].pid
            connection = Connection(farm.address, farm.identity)
            client = connection._client
            time.sleep(5)
            before_s, began_s = cpu_s(pid), time.monotonic()
            time.sleep(10)
            beats = MACHINES * (time.monotonic() - began_s) / distributed.scheduler.heartbeat_interval(MACHINES)
            heartbeat_s = (cpu_s(pid) - before_s) / beats
            looks = 50
            before, ours = cpu_s(pid), cpu_s(os.getpid())
            for _ in range(looks):
                addresses = [*client.scheduler_info(n_workers=-1)["workers"]]
            look_s = max(cpu_s(pid) - before, cpu_s(os.getpid()) - ours) / looks / MACHINES
            tasks = 400
            before, ours = cpu_s(pid), cpu_s(os.getpid())
            futures = [
                client.submit(abs, at, key=f"t-{at}", workers=[addresses[at % MACHINES]], allow_other_workers=False)
                for at in range(tasks)
            ]
            client.gather(futures)
            scheduler_s, client_s = (cpu_s(pid) - before) / tasks, (cpu_s(os.getpid()) - ours) / tasks
            size, results = 1 << 20, 40
            before = cpu_s(pid)
            for at in range(results):
                client.submit(bytes, size, key=f"r-{at}", workers=[addresses[at % MACHINES]]).result()
            relayed_s = max(0.0, (cpu_s(pid) - before) / results - scheduler_s) / size
            connection.close()
        finally:
            farm.end()
    return {
        "heartbeat_s": heartbeat_s, "look_s": look_s, "task_scheduler_s": scheduler_s, "task_client_s": client_s,
        "relayed_s": relayed_s,
    }  # fmt: skip


def be_workers(address: str, certificates: str) -> None:
    """Until the process is ended."""
    text = dumps(
        Announced(version(), "0" * 32, "machine-000", "x86_64", "kvm", 16, 65536, "https://10.0.0.1:40000",
                  (("gcc", "gcc (Debian 12.2.0-14+deb12u1) 12.2.0"),), ("linux-source-6.12",),
                  tuple(warm_name("tree-0123abcd", role, "base") for role in ("patched", "baseline")),
                  tuple(f"{number:032x}" for number in range(20))), indent=None,
    )  # fmt: skip
    transport.quiet()

    async def work() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            for number in range(MACHINES):
                await distributed.Worker(
                    f"tls://{address}", name=f"{number}", nthreads=1, security=transport.security(Path(certificates)),
                    metrics={transport.ANNOUNCES: lambda _: text}, memory_limit=0, dashboard=False,
                    dashboard_address="127.0.0.1:0", local_directory=scratch,
                )  # fmt: skip
            print("ready", flush=True)
            await asyncio.sleep(3600)

    asyncio.run(work())


def of_places() -> dict[str, float]:
    plan = simulated_plan()
    job = Session(patched(plan.kernel(plan.variants[0])), ())
    about = Announced(version(), "", "", "x86_64", "kvm", 16, 65536, "")
    members = [Member(f"tls://{number}", 2, replace(about, life=f"{number}")) for number in range(500)]
    used = {member.address: Fraction(number % 2, 2) for number, member in enumerate(members)}
    before_s, times = time.process_time(), 200
    for _ in range(times):
        place(job, members, used, set(), set())
    return {"place_s": (time.process_time() - before_s) / times / len(members)}


def of_files() -> dict[str, float]:
    """Both ends are in this process; each is taken to do half of it."""
    small, large, size = 200, 4, 64 << 20
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        identity.create(root / "identity")
        content = {f"small-{number}": os.urandom(4096) for number in range(small)}
        content |= {f"large-{number}": os.urandom(size) for number in range(large)}
        for name, data in content.items():
            (root / name).write_bytes(data)
        files = [Artifact(name, file_digest(root / name), len(data)) for name, data in content.items()]
        offered = Offered()
        offered.offer(root, files)
        server = FileServer(offered, "127.0.0.1", identity.tls_context(root / "identity", "worker", is_server=True))
        with Peers(identity.tls_context(root / "identity", "client", is_server=False)) as peers:
            took: dict[str, float] = {}
            for kind in ("small", "large"):
                before_s = cpu_s(os.getpid())
                for file in files:
                    if file.name.startswith(kind):
                        fetch(file, (server.url,), root / "copies" / file.name, peers)
                took[kind] = cpu_s(os.getpid()) - before_s
            contents = small_contents((root / file.name, file) for file in files)
            before_s = time.process_time()
            for file in files[:small]:
                fetch(file, (), root / "written" / file.name, peers, contents=contents)
            small_s = (time.process_time() - before_s) / small
        server.close()
    return {"file_s": took["small"] / small / 2, "byte_s": took["large"] / large / size / 2, "small_s": small_s}


def of_records() -> dict[str, float]:
    """A session's."""
    catalog = load_catalog()
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        context = Context(Places(root / "cache", root / "state"), catalog, Runner(Cancel()), lambda event: None)
        subject = patched(Kernel(Source(), catalog.kconfig("base")))
        journal, began = (Journal(context, root / name, subject) for name in ("run", "worker"))
        attempts = tuple(
            Attempt(
                case, Ending.EXITED, status=0, number=1, console="guest-0/console.log", stdout=f"cases/{case}/1/stdout"
            )
            for case in list(catalog.testcases)[:ATTEMPTS]
        )
        record = replace(began.record, attempts=attempts, guests=1)
        times = []
        for number in range(20):
            files = root / f"files-{number}"
            for name in ("guest-0/console.log", *(one.stdout for one in attempts)):
                (files / name).parent.mkdir(parents=True, exist_ok=True)
                (files / name).write_text("TAP version 13\n1..1\nok 1 it works\n")
            before_s = time.process_time()
            journal.adopt(record, files)
            times.append(time.process_time() - before_s)
    return {"adopt_s": sorted(times)[len(times) // 4]}


def of_rows() -> dict[str, float]:
    """Wall time of the fastest: a server's processes are not ours."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as made, postgres() as url:
        for name, target in (("run_sqlite_s", str(Path(made) / "history.db")), ("run_postgres_s", url)):
            database = open_database(target, create=True)
            times = []
            for at in range(60):
                report, matrix = run(Night(at // 10, 6, at % 10, 14))
                rows = rows_of(f"{at:032x}", report, matrix=matrix, location="/srv/runs")
                began_s = time.monotonic()
                keep(database, rows)
                times.append(time.monotonic() - began_s)
            found[name] = sorted(times)[len(times) // 4]
    return found


def cpu_s(pid: int) -> float:
    """utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--be-workers", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.be_workers:
        be_workers(*args.be_workers)
        return
    print(lines_of(measured()))


if __name__ == "__main__":
    main()
