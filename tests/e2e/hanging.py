"""Cases for patches/broken/hangs-by-name.patch, and others that make trouble without one: name -> body of main()."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PRELUDE = """\
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define SIZE 16384
static volatile char *area;
static void *touch(void *unused) { area[0] = 1; return NULL; }
int main(void)
{
	pthread_t thread;

	area = mmap((void *)0x10000000, SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	puts("KTAP version 1\\n1..1");
	fflush(stdout);
"""

BODIES = {
    # as the harness of our own cases does: a supervisor reports on a child that cannot be killed
    "bug-leak": (
        "if (!fork()) { close(0); close(1); close(2); touch(NULL); munmap((void *)area, SIZE); }"
        ' sleep(1); puts("not ok 1 x"); return 1;'
    ),
    "bug-wakeup": (
        "pthread_create(&thread, NULL, touch, NULL); usleep(200000); mprotect((void *)area, SIZE, PROT_READ);"
        " pthread_join(thread, NULL);"
    ),
    "bug-self": "touch(NULL);",
    "bug-mmap-self": "mprotect((void *)area, SIZE, PROT_READ);",
    "bug-spin": "touch(NULL);",
    "slow": "for (unsigned long i = 0;; i++) area[i % SIZE] = i;",
    "asleep": "for (;;) pause();",
    "headless": 'system("killall -9 dropbear"); for (;;) pause();',
    "switches-off": 'system("poweroff -f"); for (;;) pause();',
    "crasher": 'FILE *f = fopen("/proc/sysrq-trigger", "w"); fputs("c", f); fclose(f); sleep(60);',
}


# the others hang until their limit; this one ends, and its end must come first on a loaded host too
PATIENCE_S = {"bug-leak": 5}


def add_case(root: Path, name: str) -> None:
    """A case that does what BODIES says of its name, and passes when it survives that."""
    case = root / "testcases" / name
    case.mkdir()
    body = f'\t(void)thread;\n\t{BODIES[name]}\n\tputs("ok 1 x");\n\treturn 0;\n}}\n'
    (case / "main.c").write_text(PRELUDE + body)
    timeout_s = PATIENCE_S.get(name, 1)
    (case / "testcase.yaml").write_text(f"summary: {name}\nsources: [main.c]\nduration_s: 1\ntimeout_s: {timeout_s}\n")


def root_with(directory: Path, *names: str) -> Path:
    """A directory like the checkout's with these cases."""
    for name in ("testcases", "kconfigs", "patches"):
        shutil.copytree(ROOT / name, directory / name)
    for name in names:
        add_case(directory, name)
    return directory
