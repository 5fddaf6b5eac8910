"""A night on machines that exist on paper, for farm.py.

Machines have slots and links, and three servers do one thing at a time: the scheduler, the client, and the database.
Kernels are built first, each by one machine, then their sessions run wherever there is a slot; a machine that lacks a
kernel gets it from the one that built it.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.cluster import connection


@dataclass(frozen=True)
class Costs:
    """Seconds of CPU of one operation, at whoever does it."""

    task_scheduler_s: float = 0.0016  # a task through the scheduler: submitted, placed, its result told
    task_client_s: float = 0.0003  # the same at the client
    heartbeat_s: float = 0.00087  # of a worker, at the scheduler
    look_s: float = 3.5e-5  # for each worker in an answer to who is there, at the scheduler, and again at the client
    place_s: float = 3e-6  # for each worker that is considered for a job
    file_s: float = 0.0003  # a file that is fetched: request and answer; at either end
    byte_s: float = 1.2e-9  # of it, with its digest
    small_s: float = 0.0001  # a small file, which came with its result: checked and written
    relayed_s: float = 3.7e-9  # for each byte of a result, at the scheduler
    run_sqlite_s: float = 0.066  # an item's run into the history
    run_postgres_s: float = 0.127
    adopt_s: float = 0.016  # a session's record of 15 attempts, taken over and saved


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
    initramfs: float = 36e6  # of the kernel's first guest
    small: float = 1.5e6  # of a result, in small files
    small_files: int = 110
    large: float = 0.7e6  # in others
    files: int = 6
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
            size = self.night.kernel + self.night.initramfs  # the client keeps a copy
            done_s = self.fetched(told_s, kernel, machine, size, 5)
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
            night, costs = self.night, self.costs
            told_s = self.scheduler.serve(at_s, costs.task_scheduler_s / 2 + night.small * costs.relayed_s)
            came_s = self.links[-1].serve(told_s, night.small / night.link)
            done_s = self.fetched(came_s, kernel, machine, night.large, night.files)
            takes_s = night.small_files * costs.small_s + costs.adopt_s
            self.at(self.client(kernel).serve(done_s, takes_s), adopted)

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
    looks_per_s = min(1 / connection.ASK_EVERY_S, connection.WORKERS_PER_S / night.machines)
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
