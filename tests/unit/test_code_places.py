"""Whose code a function is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.parse.logs.code_places import CodePlaces, Role, load_places, read_functions, write_functions
from orchestrator.source.asked_functions import asked, subsystem
from orchestrator.source.code_functions import collect

PLACES = """
[[place]]
role = "library"
why = "locks"
paths = ["kernel/locking/"]
without = ["kernel/locking/torture.c"]
names = ['_spin_\\w+']

[[place]]
role = "trap"
why = "entry"
paths = ["arch/*/kernel/entry*"]

[[place]]
role = "service"
why = "the rest of it"
paths = ["mm/swap.c"]
functions = ['put_\\w+']
"""


def test_the_file_decides() -> None:
    places = CodePlaces(PLACES, "")
    assert places.role("any", "kernel/locking/mutex.c") is Role.LIBRARY
    assert places.role("any", "kernel/locking/torture.c") is Role.OWN
    assert places.role("any", "arch/mips/kernel/entry.S") is Role.TRAP
    assert places.role("any", "arch/mips/kernel/more/entry.S") is Role.OWN
    assert places.role("put_page", "mm/swap.c") is Role.SERVICE
    assert places.role("lru_add", "mm/swap.c") is Role.OWN


ASKED_FOR = """
[asked]
subsystems = 2
without = ["mm/"]
"""


def test_what_no_place_has_and_many_use_is_asked() -> None:
    places = CodePlaces(PLACES + ASKED_FOR, "", "net/core/names.c: find_name\nkernel/locking/mutex.c: mutex_lock\n")
    assert places.role("find_name") is Role.ASKED
    assert places.role("find_name", is_module=True) is Role.ASKED  # no two export the same name
    assert places.role("find_name", "net/core/other.c") is Role.ASKED  # it moves from file to file
    assert places.role("find_name", "drivers/own/names.c") is Role.OWN  # the log knows better
    assert places.role("mutex_lock") is places.role("mutex_lock", is_module=True) is Role.LIBRARY  # a place comes first


def test_without_a_file_the_table_says_it_and_names_of_older_kernels_do() -> None:
    places = CodePlaces(PLACES, "kernel/locking/mutex.c: mutex_lock\n")
    assert places.role("mutex_lock") is Role.LIBRARY
    assert places.role("mutex_lock", "drivers/own/mutex.c") is Role.OWN  # the log knows better
    assert places.role("_spin_lock") is Role.LIBRARY
    assert places.role("other") is Role.OWN


def test_code_of_a_module_is_not_what_the_kernel_has_under_that_name() -> None:
    places = CodePlaces(PLACES, "kernel/locking/mutex.c: helper\nlib/sort.c: sort\n")
    assert places.role("helper", is_module=True) is Role.OWN
    assert places.role("helper") is Role.LIBRARY


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (PLACES.replace('"trap"', '"own"'), "a subsystem's own"),
        (PLACES.replace('"trap"', '"other"'), "role: expected one of printer, trap,"),
        (PLACES.replace('paths = ["mm/swap.c"]\n', ""), "are about paths"),
        (PLACES.replace("_spin_", "_spin_("), "_spin_("),
    ],
)
def test_a_wrong_place_is_an_error_that_names_the_file(text: str, what: str) -> None:
    with pytest.raises(BadDeclaration) as caught:
        CodePlaces(text, "")
    assert what in caught.value.message
    assert "code-places.toml" in caught.value.message


def test_the_table_is_read_as_it_is_written() -> None:
    table = {"memcpy": "lib/string.c", "memset": "lib/string.c", "mutex_lock": "kernel/locking/mutex.c"}
    assert read_functions(write_functions(table, "of two\nkernels")) == table


def tree(where: Path, files: dict[str, str]) -> Path:
    for name, text in {"Kbuild": "", "Makefile": "VERSION = 6\nPATCHLEVEL = 1\n", **files}.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    return where


def test_the_table_has_the_functions_of_the_places_whose_names_are_clear(tmp_path: Path) -> None:
    body = "(void)\n{\n}\n"
    old = tree(tmp_path / "old", {"kernel/locking/a.c": f"int moved{body}static int gone{body}"})
    new = tree(
        tmp_path / "new",
        {
            "kernel/locking/a.c": f"int lock{body}static int mine{body}static int init{body}int twice{body}",
            "kernel/locking/b.c": f"int moved{body}",
            "kernel/locking/lock.h": f"static inline int lock_it{body}static inline int stub{body}",
            "arch/mips/kernel/entry.S": "ENTRY(enter)\n",
            "mm/swap.c": f"void put_page{body}void lru_add{body}",
            "drivers/d.c": f"static int init{body}static int twice{body}static int lock_it{body}int stub{body}",
            "tools/lock.c": f"static int mine{body}",
        },
    )
    assert collect([old, new], CodePlaces(PLACES, "")) == {
        "enter": "arch/mips/kernel/entry.S",
        "gone": "kernel/locking/a.c",
        "lock": "kernel/locking/a.c",
        "lock_it": "kernel/locking/lock.h",
        "mine": "kernel/locking/a.c",
        "moved": "kernel/locking/b.c",
        "put_page": "mm/swap.c",
        "twice": "kernel/locking/a.c",
    }


def test_who_uses_a_function_says_whether_it_works_for_others(tmp_path: Path) -> None:
    body = "(void)\n{\n}\n"
    exported = "".join(f"EXPORT_SYMBOL(lib_{name});\n" for name in ("put", "one", "kin"))
    users = "int use(void)\n{\n\treturn lib_put() + inline_it() + fault() + stub() + lib_header();\n}\n"
    new = tree(
        tmp_path / "new",
        {
            "drivers/lib/core/lib.c": f"int lib_put{body}int lib_one{body}int lib_kin{body}int lib_no{body}{exported}"
            f"static int __lib_put{body}int do_lib_put{body}static int other{body}",
            "drivers/lib/core/more.c": f"int more{body.replace('}', 'lib_kin();}')}",
            "include/linux/lib.h": f"static inline int inline_it{body}static inline int stub{body}",
            "drivers/lib/stub.c": f"int stub{body}",
            "drivers/lib/core/lib.h": f"static inline int lib_header{body}EXPORT_SYMBOL(lib_header);\n",
            "mm/fault.c": f"int fault{body}EXPORT_SYMBOL_GPL(fault);\n",
            "fs/a/user.c": users,
            "net/b/user.c": f"{users}int x = lib_one() /* lib_kin() */;\n",
        },
    )
    assert asked([new], CodePlaces(PLACES + ASKED_FOR, "")) == {
        "__lib_put": "drivers/lib/core/lib.c",
        "inline_it": "include/linux/lib.h",
        "lib_header": "drivers/lib/core/lib.h",
        "lib_put": "drivers/lib/core/lib.c",
    }


@pytest.mark.parametrize(
    ("path", "of"),
    [
        ("drivers/net/ethernet/intel/e1000e/netdev.c", "drivers/net/ethernet/intel"),
        ("drivers/base/dd.c", "drivers/base"),
        ("fs/ext4/inode.c", "fs/ext4"),
        ("fs/inode.c", "fs"),
        ("arch/x86/kernel/traps.c", "arch/x86"),
        ("include/linux/fs.h", ""),
    ],
)
def test_subsystems_are_directories(path: str, of: str) -> None:
    assert subsystem(path) == of


def test_what_is_no_kernel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kernel source"):
        collect([tmp_path], CodePlaces(PLACES, ""))
    with pytest.raises(UsageError, match="no kernel source"):
        asked([tmp_path], CodePlaces(PLACES, ""))


@pytest.mark.parametrize(
    ("function", "role"),
    [
        ("dump_stack_lvl", Role.PRINTER),
        ("__warn", Role.PRINTER),
        ("refcount_warn_saturate", Role.PRINTER),
        ("do_syscall_64", Role.TRAP),
        ("el1_irq", Role.TRAP),
        ("apic_timer_interrupt", Role.TRAP),
        ("_raw_spin_lock_irqsave", Role.LIBRARY),
        ("mutex_lock_nested", Role.LIBRARY),
        ("schedule_timeout", Role.LIBRARY),
        ("kmem_cache_alloc_noprof", Role.LIBRARY),
        ("kobject_put", Role.LIBRARY),
        ("_copy_to_iter", Role.LIBRARY),
        ("memcpy", Role.LIBRARY),
        ("rcu_core", Role.SERVICE),
        ("call_timer_fn", Role.SERVICE),
        ("vfs_write", Role.DISPATCH),
        ("sys_openat", Role.DISPATCH),
        ("sock_sendmsg", Role.DISPATCH),
        ("process_one_work", Role.ENTRY),
        ("mark_buffer_dirty", Role.ASKED),
        ("drop_nlink", Role.ASKED),
        ("snd_pcm_period_elapsed", Role.ASKED),
        ("blk_rq_map_user", Role.ASKED),
        ("dev_get_by_name", Role.ASKED),
        ("netif_receive_skb", Role.DISPATCH),
        ("irq_set_irq_type", Role.LIBRARY),
        ("handle_edge_irq", Role.TRAP),
        ("handle_mm_fault", Role.OWN),
        ("lock_vma_under_rcu", Role.OWN),
        ("ext4_file_write_iter", Role.OWN),
        ("tcp_sendmsg", Role.OWN),
        ("sys_munmap", Role.OWN),
        ("sys_timer_create", Role.OWN),
    ],
)
def test_the_shipped_places_know_the_kernel(function: str, role: Role) -> None:
    assert load_places().role(function) is role
