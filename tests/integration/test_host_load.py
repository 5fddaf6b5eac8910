"""What the host's CPUs did for others, asked of a real host."""

from __future__ import annotations

import os
import subprocess
import sys

from orchestrator.host import load

BURN_S = 1.0
BURN = f"import time\nend = time.process_time() + {BURN_S}\nwhile time.process_time() < end: pass"


def test_a_program_counts_as_anothers_until_it_is_ours_and_over() -> None:
    before = load.clocks_now()
    with subprocess.Popen([sys.executable, "-c", f"{BURN}\nprint()\ninput()"], stdin=-1, stdout=-1) as burner:
        assert burner.stdout
        burner.stdout.read(1)
        during = load.clocks_now()
        burner.communicate(b"\n")
    after = load.clocks_now()
    assert before.lost_s(during) * (os.cpu_count() or 1) > 0.9 * BURN_S
    assert after.own_s - during.own_s > 0.9 * BURN_S
    assert after.wall_s > during.wall_s
