"""A night of 10,000 sessions on 500 machines, on paper: what is busy for how long, and what saturates first.

    python benchmarks/farm.py [--measure] [--sessions 10000] [--machines 500] [--at-once 256] ...

The simulation has machines with slots, links, and three servers that do one thing at a time: the scheduler, the client,
and the database. Kernels are built first, each by one machine, then their sessions run wherever there is a slot; a
machine that lacks a kernel gets it from the one that built it. What each operation costs is measured on this machine
with the project's own code (`--measure` prints it again; seconds of CPU, so that other work on the host counts little);
the defaults are what that printed, but for one that is assumed. How long guests run, and what a kernel and a result
hold, are a run's with vm_refcnt.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import distributed

from orchestrator.cluster import identity, transport
from orchestrator.cluster.fetched import Peers, fetch
from orchestrator.cluster.placement import Announced, Member, place, warm_name
from orchestrator.cluster.served import FileServer, Offered
from orchestrator.codec import dumps
from orchestrator.history.database import open_database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from orchestrator.manifest import file_digest
from orchestrator.model.artifact import Artifact
from orchestrator.model.job import Session
from orchestrator.model.subject import patched
from orchestrator.version import version
from tests.integration.farms import Farm as Cluster
from tests.integration.postgres import server as postgres
from tests.nights import Night as A_NIGHT
from tests.nights import run as night_run
from tests.unit.simulated import plan as simulated_plan


@dataclass(frozen=True)
class Costs:
    """Seconds of CPU of one operation, at whoever does it."""

    task_scheduler_s: float = 0.0016  # a task through the scheduler: submitted, placed, its result told
    task_client_s: float = 0.0003  # the same at the client
    heartbeat_s: float = 0.00087  # of a worker, at the scheduler
    look_s: float = 3.5e-5  # for each worker in an answer to who is there, at the scheduler, and again at the client
    place_s: float = 3e-6  # for each worker that is considered for a job
    file_s: float = 0.0042  # a file that is fetched: connection, TLS, request; at either end
    byte_s: float = 1.6e-9  # of it, with its digest
    run_sqlite_s: float = 0.066  # an item's run into the history
    run_postgres_s: float = 0.127
    adopt_s: float = 0.05  # a session's record, taken over and judged: assumed


@dataclass(frozen=True)
class Night:
    """What there is to do, and with what. Sizes in bytes; links in bytes per second."""

    sessions: int = 10_000
    machines: int = 500
    slots: int = 2
    per_kernel: int = 15  # sessions
    at_once: int = 256  # kernels that are built or tested at a time
    clients: int = 1
    hours: float = 8.0
    session_s: float = 95.0
    build_s: float = 240.0
    kernel: float = 93e6
    result: float = 2e6
    files: int = 40  # of a result
    link: float = 125e6


@dataclass
class Server:
    """Does one thing at a time, in the order in which it is asked to."""

    free_s: float = 0.0
    busy_s: float = 0.0
    longest_wait_s: float = 0.0

    def serve(self, now_s: float, takes_s: float) -> float:
        """When it is done."""
        begins_s = max(now_s, self.free_s)
        self.longest_wait_s = max(self.longest_wait_s, begins_s - now_s)
        self.free_s = begins_s + takes_s
        self.busy_s += takes_s
        return self.free_s


@dataclass
class Farm:
    """A night that is simulated. An event is a moment and what happens then."""

    night: Night
    costs: Costs
    seed: int = 1
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    scheduler: Server = field(default_factory=Server)
    clients: list[Server] = field(default_factory=list)
    database: Server = field(default_factory=Server)
    links: list[Server] = field(default_factory=list)
    used: Counter[int] = field(default_factory=Counter)  # slots, by machine
    by_use: list[set[int]] = field(default_factory=list)  # the machines that have 0, 1, ... slots in use
    waiting: deque[tuple[int, Callable[[float, int], None]]] = field(default_factory=deque)  # for so many slots
    number: int = 0
    moved: float = 0.0  # bytes of kernels

    def run(self) -> float:
        """Seconds until the last result is in the history."""
        self.draw = random.Random(self.seed)
        self.clients = [Server() for _ in range(self.night.clients)]
        self.by_use = [set(range(self.night.machines)), *(set[int]() for _ in range(self.night.slots))]
        self.links = [Server() for _ in range(self.night.machines + 1)]  # the last is the clients'
        kernels = deque(range(-(-self.night.sessions // self.night.per_kernel)))
        self.kernels = kernels
        for _ in range(min(self.night.at_once, len(kernels))):
            self.begin(0.0)
        end_s = 0.0
        while self.events:
            end_s, _, happens = heapq.heappop(self.events)
            happens(end_s)
        return max(end_s, self.database.free_s)

    def at(self, when_s: float, happens: Callable[[float], None]) -> None:
        self.number += 1
        heapq.heappush(self.events, (when_s, self.number, happens))

    # --- a kernel: built, then tested

    def begin(self, now_s: float) -> None:
        if not self.kernels:
            return
        kernel = self.kernels.popleft()
        first = kernel * self.night.per_kernel
        left = min(self.night.per_kernel, self.night.sessions - first)
        self.want(now_s, self.night.slots, lambda at_s, machine: self.build(at_s, machine, kernel, left))

    def build(self, now_s: float, machine: int, kernel: int, sessions: int) -> None:
        begins_s = self.dispatched(now_s, kernel)
        ends_s = begins_s + self.lasting(self.night.build_s)

        def built(at_s: float) -> None:
            self.release(at_s, machine, self.night.slots)
            told_s = self.scheduler.serve(at_s, self.costs.task_scheduler_s / 2)
            done_s = self.fetched(told_s, kernel, machine, self.night.kernel, 4)  # the client keeps a copy
            has, left = {machine}, [sessions]
            for _ in range(sessions):
                self.at(
                    done_s,
                    lambda then_s: self.want(
                        then_s, 1, lambda when_s, where: self.session(when_s, where, kernel, machine, has, left)
                    ),
                )

        self.at(ends_s, built)

    def session(self, now_s: float, machine: int, kernel: int, source: int, has: set[int], left: list[int]) -> None:
        begins_s = self.dispatched(now_s, kernel)
        if machine not in has:
            has.add(machine)
            self.moved += self.night.kernel
            sent_s = self.links[source].serve(begins_s, self.night.kernel / self.night.link)
            begins_s = max(sent_s, self.links[machine].serve(begins_s, self.night.kernel / self.night.link))

        def ended(at_s: float) -> None:
            self.release(at_s, machine, 1)
            told_s = self.scheduler.serve(at_s, self.costs.task_scheduler_s / 2)
            done_s = self.fetched(told_s, kernel, machine, self.night.result, self.night.files)
            self.at(self.client(kernel).serve(done_s, self.costs.adopt_s), adopted)

        def adopted(at_s: float) -> None:
            left[0] -= 1
            if not left[0]:
                self.database.serve(at_s, self.costs.run_sqlite_s)
                self.begin(at_s)

        self.at(begins_s + self.lasting(self.night.session_s), ended)

    # --- what they take

    def client(self, kernel: int) -> Server:
        return self.clients[kernel % len(self.clients)]

    def dispatched(self, now_s: float, kernel: int) -> float:
        """When a job that has a machine arrives there."""
        costs, machines = self.costs, self.night.machines
        sent_s = self.client(kernel).serve(now_s, costs.task_client_s + costs.place_s * machines)
        return self.scheduler.serve(sent_s, costs.task_scheduler_s / 2)

    def fetched(self, now_s: float, kernel: int, machine: int, size: float, files: int) -> float:
        """When the client has the files of a result."""
        read_s = self.client(kernel).serve(now_s, files * self.costs.file_s + size * self.costs.byte_s)
        return max(read_s, self.links[-1].serve(now_s, size / self.night.link))

    def lasting(self, seconds: float) -> float:
        """Some take half as long as others."""
        return seconds * self.draw.uniform(2 / 3, 4 / 3)

    def want(self, now_s: float, slots: int, take: Callable[[float, int], None]) -> None:
        """Have so many slots of one machine, now or later."""
        free = self.free(slots)
        if free is None:
            self.waiting.append((slots, take))
        else:
            self.use(free, slots)
            take(now_s, free)

    def free(self, slots: int) -> int | None:
        """The least used machine that has so many slots left."""
        roomy = self.by_use[: self.night.slots - slots + 1]
        return next((next(iter(machines)) for machines in roomy if machines), None)

    def use(self, machine: int, slots: int) -> None:
        self.by_use[self.used[machine]].remove(machine)
        self.used[machine] += slots
        self.by_use[self.used[machine]].add(machine)

    def release(self, now_s: float, machine: int, slots: int) -> None:
        self.use(machine, -slots)
        while self.waiting:
            free = self.free(self.waiting[0][0])
            if free is None:
                return
            wanted, take = self.waiting.popleft()
            self.use(free, wanted)
            take(now_s, free)


def background(night: Night, costs: Costs) -> tuple[float, float]:
    """What is always done: the share of a CPU at the scheduler, and at each client."""
    beats_per_s = night.machines / max(0.5, night.machines / 100 + 1)  # as distributed spaces them
    looks_per_s = min(1 / transport.ASK_EVERY_S, transport.WORKERS_PER_S / night.machines)
    look = looks_per_s * night.machines * costs.look_s
    return beats_per_s * costs.heartbeat_s + night.clients * look, look


def simulated(night: Night, costs: Costs) -> str:
    farm = Farm(night, costs)
    took_s = farm.run()
    builds = -(-night.sessions // night.per_kernel)
    ideal_s = (night.sessions * night.session_s / night.slots + builds * night.build_s) / night.machines
    at_scheduler, at_client = background(night, costs)
    shares = {
        "scheduler": farm.scheduler.busy_s / took_s + at_scheduler,
        "client": max(one.busy_s for one in farm.clients) / took_s + at_client,
        "database": farm.database.busy_s / took_s,
        "client's link": farm.links[-1].busy_s / took_s,
        "busiest link": max(one.busy_s for one in farm.links[:-1]) / took_s,
    }
    used = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    waits = f"a result waits {max(one.longest_wait_s for one in farm.clients):.0f} s at most"
    name = f"{night.sessions:,} sessions, {night.machines} machines, {night.clients} clients, {night.at_once} at once"
    return f"{name}: {took_s / 60:.0f} min, ideal {ideal_s / 60:.0f}; {used}; {waits}; {farm.moved / 1e9:.0f} GB moved"


# --- what operations cost here


MACHINES = 40  # workers of one process, which do nothing
PASSES = 3


def measured() -> Costs:
    """Seconds of CPU, each the least of several passes."""
    found: dict[str, float] = {}
    for one in (of_tasks, of_places, of_files, of_rows):
        passes = [one() for _ in range(PASSES)]
        found |= {name: min(each[name] for each in passes) for name in passes[0]}
    return Costs(**found)


def of_tasks() -> dict[str, float]:
    """A scheduler, workers that say as much as real ones, and tasks that do nothing."""
    with tempfile.TemporaryDirectory() as made:
        farm = Cluster(Path(made), silence_s=300)
        identity.create(farm.identity)
        try:
            farm.scheduler()
            words = [sys.executable, __file__, "--be-workers", farm.address, str(farm.identity)]
            farm.add("workers", subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            assert farm.heard("workers") == "ready\n"
            pid = farm.children["scheduler"].pid
            connection = transport.Connection(farm.address, farm.identity)
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
            connection.close()
        finally:
            farm.end()
    return {
        "heartbeat_s": heartbeat_s, "look_s": look_s, "task_scheduler_s": scheduler_s, "task_client_s": client_s,
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
        peers = Peers(identity.tls_context(root / "identity", "client", is_server=False))
        took: dict[str, float] = {}
        for kind in ("small", "large"):
            before_s = cpu_s(os.getpid())
            for file in files:
                if file.name.startswith(kind):
                    fetch(file, (server.url,), root / "copies" / file.name, peers)
            took[kind] = cpu_s(os.getpid()) - before_s
        server.close()
    return {"file_s": took["small"] / small / 2, "byte_s": took["large"] / large / size / 2}


def of_rows() -> dict[str, float]:
    """Wall time of the fastest: a server's processes are not ours."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as made, postgres() as url:
        for name, target in (("run_sqlite_s", str(Path(made) / "history.db")), ("run_postgres_s", url)):
            database = open_database(target, create=True)
            times = []
            for at in range(60):
                report, matrix = night_run(A_NIGHT(at // 10, 6, at % 10, 14))
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
    parser.add_argument("--measure", action="store_true", help="what operations cost on this machine")
    parser.add_argument("--be-workers", nargs=2, help=argparse.SUPPRESS)
    for one in fields(Night):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default), default=one.default)
    args = parser.parse_args()
    if args.be_workers:
        be_workers(*args.be_workers)
        return
    costs = Costs()
    if args.measure:
        costs = measured()
        for one in fields(Costs):
            print(f"{one.name}: {getattr(costs, one.name):.3g}")
    night = Night(**{one.name: getattr(args, one.name) for one in fields(Night)})
    for changed in (
        {}, {"at_once": 32}, {"clients": 4}, {"sessions": 4 * night.sessions, "machines": 4 * night.machines},
        {"sessions": 4 * night.sessions, "machines": 4 * night.machines, "clients": 8, "at_once": 1024},
    ):  # fmt: skip
        print(simulated(replace(night, **changed), costs))


if __name__ == "__main__":
    main()
