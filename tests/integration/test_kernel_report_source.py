"""The kernel's own source as a judge: its messages, its example reports, its clean logs.

Read from the base that a run imported; without one these tests are skipped.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from orchestrator.context import Places
from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.kernel_report import scan
from orchestrator.parse.log_format import BARE, detect

BASE = next(iter(sorted(Places.of_user().bases.glob("linux-source-*/commit"))), None)
pytestmark = pytest.mark.skipif(BASE is None, reason="no kernel source was imported yet: run `orchestrate build`")

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
    r"mm/(kasan|kmsan|kfence|debug|oom_kill|page_alloc|memory|filemap|kmemleak|slub|vmalloc)|kernel/(locking|rcu|sched"
    r"|kcsan|panic|watchdog|workqueue|hung_task|fork|cfi)|lib/|arch/x86/(mm/fault|kernel/(traps|dumpstack)|entry)"
)


def git(*args: str) -> str:
    assert BASE is not None
    command = ["git", f"--git-dir={BASE.parent / 'git'}", *args]
    found = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")
    return found.stdout


def commit() -> str:
    assert BASE is not None
    return BASE.read_text().strip()


def messages(*paths: str) -> list[tuple[str, str]]:
    """File and text of the messages that a line of the source holds, with values for what is formatted."""
    found = []
    for line in git("grep", "-E", CALL, commit(), "--", *paths).splitlines():
        _, path, code = line.split(":", 2)
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


def test_what_drivers_and_file_systems_print_is_no_report() -> None:
    texts = messages(*DRIVERS, "fs/*.c", "net/*.c", "mm/*.c", "kernel/*.c", "lib/*.c", "arch/x86/*.c", "init/*.c")
    assert len(texts) > 8000
    assert sum(bool(re.search("BUG|bug|WARN|warn|rror|anic|ault", text)) for _, text in texts) > 1500
    wrong = [
        (path, kernel_report.kind, kernel_report.text)
        for path, kernel_report in reports_of(texts)
        if not REPORTERS.search(path)
    ]
    assert not wrong


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
        ("mm/slub.c", r'(?:object_err|slab_err)\([^"\n;]*"([^"%]+)"', "slab-corruption"),
    ],
)
def test_every_report_that_a_source_file_can_print_is_found(path: str, pattern: str, kind: str) -> None:
    source = re.sub(r"//[^\n]*|/\*.*?\*/", "", git("show", f"{commit()}:{path}"), flags=re.DOTALL)
    frames = {
        "kasan": "BUG: KASAN: {} in vma_start_read+0x1/0x2",
        "kmsan": "BUG: KMSAN: {} in vma_start_read+0x1/0x2",
        "refcount": "refcount_t: {}",
        "ubsan": "UBSAN: {} in mm/vma.c:1:2",
        "oops": "Internal error: {}: 00000000f2000800 [#1] SMP" if "arm64" in path else "{} [#1]",
        "slab-corruption": "BUG vm_area_struct (Not tainted): {}",
        "rcu-stall": "rcu: {}",
    }
    found = [match.group(match.lastindex or 0).strip('"') for match in re.finditer(pattern, source)]
    assert found
    for text in found:
        text = re.sub(r"%[-+ #0-9.*]*[hlzjtq]*([a-zA-Z])[a-zA-Z]*", lambda m: "foo" if m[1] == "s" else "7", text)
        line = frames.get(kind, "{}").format(text.replace("\\n", ""))
        trace = "\n[    5.000001][   T66] Call Trace:\n[    5.000002][   T66]  vma_start_read+0x1/0x2\n"
        assert [kernel_report.kind for kernel_report in scan(f"[    5.000000][   T66] {line}{trace}")] == [kind], line


EXAMPLES = {
    "RCU/lockdep-splat.rst": ["lockdep: suspicious RCU usage in __cfq_exit_single_io_context"],
    "RCU/stallwarn.rst": ["RCU stall"] * 4,
    "admin-guide/bug-hunting.rst": [
        "WARNING in module_put",
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
    "dev-tools/ubsan.rst": ["UBSAN: Undefined behaviour in _mix_pool_bytes"],
}


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_of_the_documentation(path: str) -> None:
    text = git("show", f"{commit()}:Documentation/{path}")
    bare = "\n".join(line.strip() for line in text.split("\n"))
    assert [kernel_report.title for kernel_report in scan(bare, BARE)] == EXAMPLES[path]


def test_the_rest_of_the_documentation_has_no_report() -> None:
    """Texts about reports, not reports: a page that quotes a message is no log."""
    names = git("ls-tree", "-r", "--name-only", commit(), "Documentation/").split()
    names = [
        name for name in names if re.match(r"Documentation/(admin-guide|dev-tools|mm|core-api|process)/.*rst$", name)
    ]
    assert len(names) > 200
    texts = git("grep", "-h", "", commit(), "--", *[name for name in names if name[14:] not in EXAMPLES])
    assert [kernel_report.title for kernel_report in scan(texts, detect(texts.encode()))] == []


def test_logs_of_kunit_that_end_in_a_panic() -> None:
    """Console logs that the kernel ships for its own parser, by people who never heard of us."""
    where = "tools/testing/kunit/test_data/"
    for name in git("ls-tree", "--name-only", commit(), where).split():
        text = git("show", f"{commit()}:{name}")
        found = [kernel_report.title for kernel_report in scan(text, detect(text.encode()))]
        reports = len(re.findall(r"(?<!\t)Kernel panic - not syncing: VFS", text)) + ("WARNING: CPU: 0" in text)
        assert len(found) == min(reports, 1), (Path(name).name, found)
