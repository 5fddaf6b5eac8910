"""A decoded place -> the same with its source line and the patch behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.evidence.blame import Line, changed_by, function_around
from orchestrator.model.kernel_report import Mark, Place

MAX_TEXT = 200  # characters of a source line that are kept


@dataclass(frozen=True)
class Source:
    """The tree under test, as far as it was asked for. `lines` are of the files that the series touches, too."""

    texts: Mapping[str, Sequence[bytes]]
    lines: Mapping[str, Sequence[Line]]
    patches: tuple[str, ...]  # "6/9 SUBJECT", in the order in which they apply


def placed(place: Place, source: Source) -> Place:
    """The place with its text, and marked when the series wrote the line or changed the function around it."""
    texts = source.texts.get(place.file, ())
    if not 1 <= place.line <= len(texts):
        return place
    shown = replace(place, text=" ".join(texts[place.line - 1].decode("utf-8", "replace").split())[:MAX_TEXT])
    lines = source.lines.get(place.file)
    if lines is None:
        return shown
    writer = lines[place.line - 1].writer
    if writer is not None:
        return replace(shown, mark=Mark.LINE, patches=(source.patches[writer],))
    around = function_around(texts, place.line)
    changers = changed_by(lines, around) if around else ()
    if not changers:
        return shown
    return replace(shown, mark=Mark.FUNCTION, patches=tuple(source.patches[number] for number in changers))
