"""The kernel's own source as a judge: its messages, its example reports, its clean logs.

Run on each of VERSIONS, and on any other tree that is at hand: the bases that runs imported, and the directories that
ORCHESTRATE_KERNEL_TREES names (separated by colons). A version without a tree is skipped, and says so.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from orchestrator.context import Places
from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.logs.kernel_report import scan
from orchestrator.parse.logs.log_format import BARE, detect

VARIABLE = "ORCHESTRATE_KERNEL_TREES"
VERSIONS = ("6.1", "6.12", "7")  # the oldest that Debian 12 has, the base, what is newest


@dataclass(frozen=True)
class Tree:
    """A kernel source: a commit of a bare repository, or a directory."""

    place: Path
    commit: str = ""

    @property
    def version(self) -> tuple[int, int]:
        """6.12.117 -> (6, 12)."""
        makefile = self.show("Makefile")
        version, patchlevel = (
            re.search(rf"^{key} = (\d+)", makefile, re.MULTILINE) for key in ("VERSION", "PATCHLEVEL")
        )
        assert version
        assert patchlevel
        return int(version[1]), int(patchlevel[1])

    def show(self, path: str) -> str:
        """A file's text; empty where this version has no such file."""
        if not self.commit:
            file = self.place / path
            return file.read_text(errors="replace") if file.is_file() else ""
        return self._git("show", f"{self.commit}:{path}", is_there=False)

    def grep(self, expression: str, *paths: str) -> list[tuple[str, str]]:
        """Path and text of the lines that match."""
        where = [self.commit] if self.commit else ["--no-index"]
        options = [*where, "--", *paths] if self.commit else ["--", *paths]
        command = ["grep", "-E", *([] if self.commit else where), "-e", expression, *options]
        at = 1 if self.commit else 0
        lines = (
            line.split(":", at + 1)[at:] for line in self._git(*command).splitlines() if not line.startswith("Binary")
        )
        return [(path, text) for path, text in lines]

    def names(self, where: str) -> list[str]:
        """The files below a directory."""
        if not self.commit:
            return [str(path.relative_to(self.place)) for path in (self.place / where).rglob("*") if path.is_file()]
        return self._git("ls-tree", "-r", "--name-only", self.commit, where).split()

    def _git(self, *args: str, is_there: bool = True) -> str:
        command = ["git", f"--git-dir={self.place}", *args] if self.commit else ["git", *args]
        where = None if self.commit else self.place
        done = subprocess.run(command, check=is_there, capture_output=True, text=True, errors="replace", cwd=where)
        return done.stdout


@cache
def trees() -> dict[str, Tree]:
    """The trees at hand, by version: those that the user named before those that runs imported."""
    commits = sorted(Places.of_user().bases.glob("linux-source-*/commit"))
    found = [Tree(commit.parent / "git", commit.read_text().strip()) for commit in commits]
    found += [Tree(Path(name)) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    return {".".join(map(str, tree.version)): tree for tree in found}


def wanted() -> Sequence[str]:
    """The versions, with the newest at hand for one that is only a major number, and other trees."""
    return list(dict.fromkeys([*VERSIONS, *(name for name in trees() if name.partition(".")[0] not in VERSIONS)]))


@pytest.fixture(params=wanted(), scope="module")
def tree(request: pytest.FixtureRequest) -> Tree:
    name: str = request.param
    found = [tree for version, tree in trees().items() if version == name or version.startswith(f"{name}.")]
    if not found:
        pytest.skip(f"no source of Linux {name}: unpack one and name its directory in {VARIABLE}")
    return max(found, key=lambda tree: tree.version)


LEVELS = "emerg|alert|crit|err|warn|warning|notice|info"
CALL = rf"\b((pr|dev|netdev|netif|drm|xfs|btrfs|ext4)_({LEVELS})[a-z_]*|printk[a-z_]*)\(.*\""
DRIVERS = [
    f"drivers/{name}/*.c"
    for name in (
        "acpi",
        "ata",
        "base",
        "block",
        "char",
        "md",
        "media/usb",
        "net/can",
        "net/ethernet/intel",
        "pci",
        "tty",
    )
]
# what these print under a report's name is a report: they are where the reports come from
REPORTERS = re.compile(
    r"mm/(kasan|kmsan|kfence|debug|oom_kill|page_alloc|memory|filemap|kmemleak|slub|slab|vmalloc|page_poison)|kernel/(locking|rcu|sched"
    r"|kcsan|panic|watchdog|workqueue|hung_task|fork|cfi|softirq|irq/spurious)|lib/|net/core/dev|arch/x86/(mm/(fault|extable)|kernel/(traps|dumpstack)|entry)"
)


def messages(tree: Tree, *paths: str) -> list[tuple[str, str]]:
    """File and text of the messages that a line of the source holds, with values for what is formatted."""
    found = []
    for path, code in tree.grep(CALL, *paths):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', code))
        text = re.sub(r"\\[nrt]|\\001.", " ", text).replace('\\"', '"').replace("%%", "%")
        text = re.sub(r"%[-+ #0-9.*]*[hlzjtq]*([a-zA-Z])\w*", lambda m: {"s": "foo", "c": "x"}.get(m[1], "7"), text)
        if text.strip():
            found.append((path, text))
    return found


def reports_of(texts: list[tuple[str, str]]) -> list[tuple[str, KernelReport]]:
    """The reports among messages that are printed one at a time, minutes apart."""
    log = "".join(f"[{100 * at:12d}.000000][   T66] {text}\n" for at, (_, text) in enumerate(texts, 1))
    return [(texts[kernel_report.line_start - 1][0], kernel_report) for kernel_report in scan(log)]


def test_what_drivers_and_file_systems_print_is_no_report(tree: Tree) -> None:
    texts = messages(tree, *DRIVERS, "fs/*.c", "net/*.c", "mm/*.c", "kernel/*.c", "lib/*.c", "arch/x86/*.c", "init/*.c")
    assert len(texts) > 8000
    assert sum(bool(re.search("BUG|bug|WARN|warn|rror|anic|ault", text)) for _, text in texts) > 1500
    wrong = [
        (path, kernel_report.kind, kernel_report.text)
        for path, kernel_report in reports_of(texts)
        if not REPORTERS.search(path)
    ]
    assert not wrong


# what die() of an architecture makes of the exception's name
OOPSES = {
    "arm": "Internal error: {}: 0 [#1] SMP ARM",
    "arm64": "Internal error: {}: 00000000f2000800 [#1] SMP",
    "loongarch": "{}[#1]:",
    "mips": "{}[#1]:",
    "powerpc": "Oops: {}, sig: 5 [#1]",
    "s390": "{}: 0001 ilc:1 [#1] SMP",
    "sparc": "prog(66): {} [#1]",
}


@pytest.mark.parametrize(
    ("path", "pattern", "kind"),
    [
        ("kernel/locking/lockdep.c", r'"WARNING: [^"]+\\n"|"\[ BUG: [^"]+\\n"', "lockdep"),
        ("kernel/rcu/tree_stall.h", r'"INFO: [^"]*stall[^"]*on CPU[^"]*"', "rcu-stall"),
        ("kernel/rcu/tasks.h", r'"INFO: [^"]*detected[^"]*"', "rcu-stall"),
        ("kernel/sched/core.c", r'"BUG: [^"]+"', "atomic-sleep"),
        ("mm/kasan/report_generic.c", r'bug_type = "([^"]+)"', "kasan"),
        ("mm/kasan/report.c", r'bug_type = "(invalid-free|double-free)"', "kasan"),
        ("mm/kasan/report_tags.c", r'bug_type = "([^"]+)"', "kasan"),
        ("mm/kmsan/report.c", r'"((?:use-after-free|uninit-value|kernel-[\w-]+))"', "kmsan"),
        ("mm/kfence/report.c", r'"BUG: KFENCE: [^"]+"', "kfence"),
        ("lib/refcount.c", r'REFCOUNT_WARN\("([^"]+)"\)', "refcount"),
        ("lib/list_debug.c", r'"(list_[^"]+)"', "list-corruption"),
        ("lib/ubsan.c", r'ubsan_prologue\([^,]+, "([^"]+)"', "ubsan"),
        ("arch/arm64/kernel/traps.c", r'die\("([^"]+)"', "oops"),
        ("arch/riscv/kernel/traps.c", r'"(Oops - [^"]+)"', "oops"),
        ("arch/mips/kernel/traps.c", r'die(?:_if_kernel)?\("((?!Kernel bug)[^"%]+)"', "oops"),
        ("arch/mips/kernel/traps.c", r'die_if_kernel\("(Kernel bug detected)"', "kernel-bug"),
        ("arch/loongarch/kernel/traps.c", r'die(?:_if_kernel)?\("((?!Kernel bug)[^"%]+)"', "oops"),
        (
            "arch/s390/kernel/traps.c",
            r'do_trap\(regs, SIG\w+, \w+, "([^"]+)"|DO_ERROR_INFO\(\w+, SIG\w+, \w+,\s*"([^"]+)"',
            "oops",
        ),
        ("arch/powerpc/kernel/traps.c", r'\bdie\("((?!Kernel|Machine)[^"%]+)", regs', "oops"),
        ("arch/sparc/kernel/traps_64.c", r'die_if_kernel\("([^"%]+)"', "oops"),
        ("arch/csky/kernel/traps.c", r'"(Oops - [^"%]+[a-z])"', "oops"),
        ("arch/arm/kernel/traps.c", r'die\("([^"%]+)"', "oops"),
        ("kernel/hung_task.c", r'"INFO: task %s:%d [^"]+ for more than [^"]+"', "hung-task"),
        ("kernel/irq/spurious.c", r'"(irq %d: nobody[^\n]+option\)|irq event [^"]+)', "spurious-irq"),
        ("arch/x86/kernel/unwind_frame.c", r'"WARNING: [^"]+"', "unwind"),
        ("mm/page_poison.c", r'pr_err\("(pagealloc: [^"]+)"', "page-poison"),
        ("net/core/dev.c", r'"(unregister_netdevice: waiting [^"]+)"', "unregister-netdevice"),
        ("fs/super.c", r'"(VFS: Busy [^"]+)"', "busy-unmount"),
        ("kernel/panic.c", r'"WARNING: [^"]+at [^"]+"', "warning"),
        ("mm/slub.c", r'(?:object_err|slab_err)\([^"\n;]*"([^"%]+)"', "slab-corruption"),
    ],
)
def test_every_report_that_a_source_file_can_print_is_found(tree: Tree, path: str, pattern: str, kind: str) -> None:
    source = re.sub(r"//[^\n]*|/\*.*?\*/", "", tree.show(path), flags=re.DOTALL)
    frames = {
        "kasan": "BUG: KASAN: {} in vma_start_read+0x1/0x2",
        "kmsan": "BUG: KMSAN: {} in vma_start_read+0x1/0x2",
        "refcount": "refcount_t: {}",
        "ubsan": "UBSAN: {} in mm/vma.c:1:2",
        "oops": OOPSES.get(path.split("/")[1], "{} [#1]"),
        "kernel-bug": "{}[#1]:",
        "slab-corruption": "BUG vm_area_struct (Not tainted): {}",
        "rcu-stall": "rcu: {}",
    }
    found = [match.group(match.lastindex or 0).strip('"') for match in re.finditer(pattern, source)]
    assert found
    for text in found:
        text = re.sub(r"%[-+ #0-9.*]*[hlzjtq]*([a-zA-Z])[a-zA-Z]*", lambda m: "foo" if m[1] == "s" else "7", text)
        line = frames.get(kind, "{}").format(text.replace("\\n", ""))
        trace = "\n[    5.000001][   T66] Call Trace:\n[    5.000002][   T66]  vma_start_read+0x1/0x2\n"
        line = line.replace("at 7, CPU", "at vma_start_read+0x1/0x2, CPU").replace('\\"', '"')
        line = line.replace("blockedfoo", "blocked in I/O wait")
        assert [kernel_report.kind for kernel_report in scan(f"[    5.000000][   T66] {line}{trace}")] == [kind], line


EXAMPLES = {
    "RCU/lockdep-splat.rst": ["lockdep: suspicious RCU usage in __cfq_exit_single_io_context"],
    "admin-guide/bug-hunting.rst": [
        "WARNING in gp8psk_fe_set_frontend",
        "Oops: unable to handle kernel NULL pointer dereference in iret_exc",
    ],
    "admin-guide/tainted-kernels.rst": ["Oops: unable to handle kernel NULL pointer dereference in my_oops_init"],
    "dev-tools/kasan.rst": ["KASAN: slab-out-of-bounds Write in kmalloc_oob_right"],
    "dev-tools/kcsan.rst": [
        "KCSAN: data-race in test_kernel_read / test_kernel_write",
        "KCSAN: data-race in test_kernel_rmw_array",
    ],
    "dev-tools/kfence.rst": [
        "KFENCE: out-of-bounds read in test_out_of_bounds_read",
        "KFENCE: use-after-free read in test_use_after_free_read",
        "KFENCE: invalid free in test_double_free",
        "KFENCE: memory corruption in test_kmalloc_aligned_oob_write",
        "KFENCE: invalid read in test_invalid_access",
    ],
    "dev-tools/kmemleak.rst": ["kmemleak: memory leak in do_one_initcall"],
    "dev-tools/kmsan.rst": ["KMSAN: uninit-value in test_uninit_kmsan_check_memory"],
    "dev-tools/ubsan.rst": ["UBSAN: Undefined behaviour in dmi_walk_early"],
}


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_of_the_documentation(tree: Tree, path: str) -> None:
    text = tree.show(f"Documentation/{path}")
    bare = "\n".join(line.strip() for line in text.split("\n"))
    assert [kernel_report.title for kernel_report in scan(bare, BARE)] == EXAMPLES[path]


def test_the_examples_of_stalls(tree: Tree) -> None:
    """Their number differs from version to version."""
    text = tree.show("Documentation/RCU/stallwarn.rst")
    bare = "\n".join(line.strip() for line in text.split("\n"))
    stalls = len(re.findall(r"^\s+INFO: \w+ detected ", text, re.MULTILINE))
    assert stalls >= 3
    assert [kernel_report.title for kernel_report in scan(bare, BARE)] == ["RCU stall"] * stalls


def test_the_rest_of_the_documentation_has_no_report(tree: Tree) -> None:
    """Texts about reports, not reports: a page that quotes a message is no log."""
    names = tree.names("Documentation/")
    names = [
        name for name in names if re.match(r"Documentation/(admin-guide|dev-tools|mm|core-api|process)/.*rst$", name)
    ]
    assert len(names) > 200
    texts = "".join(tree.show(name) for name in sorted(names) if name[14:] not in EXAMPLES)
    assert [kernel_report.title for kernel_report in scan(texts, detect(texts.encode()))] == []


def test_logs_of_kunit_that_end_in_a_panic(tree: Tree) -> None:
    """Console logs that the kernel ships for its own parser, by people who never heard of us."""
    where = "tools/testing/kunit/test_data/"
    for name in tree.names(where):
        text = tree.show(name)
        found = [kernel_report.title for kernel_report in scan(text, detect(text.encode()))]
        reports = len(re.findall(r"(?<!\t)Kernel panic - not syncing: VFS", text)) + ("WARNING: CPU: 0" in text)
        assert len(found) == min(reports, 1), (Path(name).name, found)
