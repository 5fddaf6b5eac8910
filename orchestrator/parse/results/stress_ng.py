"""What stress-ng printed and how it exited -> results and metrics. Pure.

One subtest for each stressor that it dispatched. Its lines are "stress-ng: LEVEL: [PID] words"; with --metrics-brief
a table of bogo operations follows, and with --verify failed checks are lines of level "fail". The exit statuses are in
stress-ng(1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.parse.results.ktap import KtapReport

LINE = re.compile(r"^stress-ng: (?P<level>\w+): +\[\d+\] (?P<words>.*)$", re.MULTILINE)
DISPATCHING = re.compile(r"dispatching hogs: (?P<hogs>.+)")
HOG = re.compile(r"(?<!\d)\d{1,9} (?P<name>[\w-]{1,100})")
ABOUT = re.compile(r"[\w-]{1,100}(?=[:\s]|$)")
_NUMBER = r"\d{1,18}(?:\.\d{1,18})?"
# stressor, bogo ops, real, user and system time, bogo ops/s in real time
TABLE = re.compile(
    rf"[\w-]+ +(?P<ops>\d{{1,18}}) +(?P<real>{_NUMBER}) +{_NUMBER} +{_NUMBER} +(?P<rate>{_NUMBER})(?: |$)"
)
MEASURED = re.compile(rf"[\w-]+ +(?P<value>{_NUMBER}) (?P<what>[^()]+)")
SKIPPED = re.compile(r"skipping (?:the |this )?stress|stressor will be skipped")
MEANINGS = {
    1: "wrong usage, or the guest lacks resources",
    2: "a stressor failed",
    3: "a stressor could not start for want of resources",
    4: "a stressor is not implemented here",
    5: "a stressor was killed by a signal",
    6: "a stressor left in an unexpected way",
    7: "its metrics are not to be trusted",
}
NOT_RUN = (3, 4)
LOUD = ("fail", "error")


@dataclass(frozen=True)
class _Said:
    level: str
    words: str


def parse(stdout: str, stderr: str, status: int | None) -> KtapReport:
    """`problems` are those that belong to no stressor; `status` None: it did not end."""
    lines = [_Said(m["level"], m["words"].strip()) for m in LINE.finditer(f"{stdout}\n{stderr}")]
    hogs = [
        hog["name"] for line in lines if (match := DISPATCHING.match(line.words)) for hog in HOG.finditer(match["hogs"])
    ]
    about: dict[str, list[_Said]] = {name: [] for name in hogs}
    for line in lines:
        if (match := ABOUT.match(line.words)) and match[0] in about:
            about[match[0]].append(line)
    subtests = tuple(_subtest(name, own) for name, own in about.items())
    loud = [line.words for line in lines if line.level in LOUD]
    what = ""
    if status is not None and not hogs:
        what = "it dispatched no stressor"
    elif status and status <= 128 and status not in NOT_RUN and not any(s.outcome.is_bad for s in subtests):
        what = f"exit status {status}: {MEANINGS.get(status, 'of unknown meaning')}"
    problems = (": ".join([what, *loud[-1:]]),) if what else ()
    skipped = next((s.message for s in subtests if s.outcome is Outcome.SKIP), "")
    if status in NOT_RUN and not skipped:
        skipped = MEANINGS[status]
        subtests = tuple(
            Subtest(s.name, Outcome.SKIP, message=skipped) if s.outcome is Outcome.PASS and not s.metrics else s
            for s in subtests
        )
    return KtapReport(subtests, len(subtests), problems, is_ktap=True, skip_reason=skipped)


def _subtest(name: str, own: list[_Said]) -> Subtest:
    """What the lines about a stressor say of it."""
    failed = [line.words for line in own if line.level == "fail"]
    skipped = [line.words for line in own if SKIPPED.search(line.words)]
    outcome = Outcome.FAIL if failed else Outcome.SKIP if skipped else Outcome.PASS
    time_s, metrics = 0.0, list[Metric]()
    for line in own:
        if line.level != "metrc":
            continue
        if table := TABLE.match(line.words):
            time_s = float(table["real"])
            metrics += [Metric("bogo", float(table["rate"]), "ops/s"), Metric("bogo-total", float(table["ops"]), "ops")]
        elif measured := MEASURED.match(line.words):
            metrics.append(Metric(measured["what"].strip().replace(" ", "-"), float(measured["value"]), ""))
    said = [line.words for line in own if line.level != "metrc"]
    message = (failed or skipped or [""])[0].removeprefix(f"{name}: ")
    if outcome is Outcome.PASS and any(metric.name == "bogo-total" and metric.value == 0 for metric in metrics):
        outcome, message = Outcome.NOT_EXERCISED, f"did not exercise: no operation in {time_s:g} s"
    return Subtest(name, outcome, time_s, message, tuple(said[-50:]), tuple(metrics))
