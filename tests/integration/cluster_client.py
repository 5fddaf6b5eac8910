"""A client of a cluster that has only kernels configured: a program of test_cluster.py.

    cluster_client ADDRESS IDENTITY TREE RUN_DIR REVISION...

Prints a JSON object of records by subject, and the exit status is that of orchestrate.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from orchestrator.codec import encode
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import OrchestrateError
from orchestrator.events import Event, Note
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import find_finders, find_host, stoppable
from orchestrator.invocation.executors import executor
from orchestrator.jobs.products import Products
from orchestrator.model.job import Configure
from orchestrator.model.kernel import Kernel, Role, Source
from orchestrator.model.request import Request
from orchestrator.model.subject import Subject
from orchestrator.plan import make_plan

ROLES = list(Role)


def tell(event: Event) -> None:
    if isinstance(event, Note):
        sys.stderr.write(f"{event.text}\n")
        sys.stderr.flush()


def main(who: str, identity: str, tree: str, run_dir: str, *revisions: str) -> int:
    catalog, cancel = load_catalog(), Cancel()
    context = Context(Places.of_user(), catalog, Runner(cancel), tell)
    request = Request(tree=tree, base="HEAD", testcases=("split-merge",), jobs=2, accel="tcg", sandbox=False)
    plan = make_plan(request, catalog, None, find_host(context))
    subjects = [
        Subject(Kernel(Source(tree, revision), plan.kconfigs[0]), ROLES[number % len(ROLES)], f"kernel-{number}")
        for number, revision in enumerate(revisions)
    ]
    jobs = [Configure(subject) for subject in subjects]
    products = Products(context, plan, Path(run_dir), find_finders(context, request))
    Path(run_dir).mkdir(exist_ok=True)
    try:
        with stoppable(cancel), executor(products, who, Path(identity)) as chosen:
            chosen.carry_out(lambda issued, ended: jobs)
    except OrchestrateError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n{error.detail}\n")
        return error.fault.value
    finally:
        print(json.dumps({subject.name: encode(products.journal(subject).record) for subject in subjects}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
