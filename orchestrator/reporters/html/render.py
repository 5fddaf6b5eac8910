"""Templates -> HTML: the only importer of Jinja2.

Whatever is put into a template is text of a guest, a patch or a path until the opposite is proven: it is made harmless
(no control characters, no bidi overrides) and escaped, and it can be nothing but text. The page forbids itself
everything else with a Content-Security-Policy: its own style and script by their hashes, no network, no forms.

Jinja2 is imported when it is first needed: it takes longer to load than most commands run.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from orchestrator.reporters.text import harmless
from orchestrator.words import counted

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Look:
    """The files of style that a page has, one behind the other, and where its forms may lead."""

    styles: tuple[str, ...] = ("page.css",)
    forms: str = "'none'"

    @property
    def style(self) -> str:
        return "".join(map(_text, self.styles))

    @property
    def script(self) -> str:
        return _text("page.js")

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of a page with this style and script, and nothing else."""
        return (
            f"default-src 'none'; style-src 'sha256-{_hash(self.style)}'; script-src 'sha256-{_hash(self.script)}'; "
            f"img-src data:; base-uri 'none'; form-action {self.forms}"
        )


REPORT = Look()


def render(template: str, look: Look = REPORT, **values: Any) -> str:
    """A page from a template of ours. What is missing in `values` is an error."""
    text: str = _environment().get_template(template).render(
        **values, style=_trusted(look.style), script=_trusted(look.script), policy=look.policy
    )  # fmt: skip
    return text


def address(path: str) -> str:
    """A path relative to the page as a link. `./` keeps a name with a colon from being a scheme."""
    return f"./{quote(path, errors='surrogateescape')}"


def page_address(path: str, root: str, ending: str = ".html") -> str:
    """A page of a site as a link, from a page that has the site's root at `root`: `../runs.html?page=2`."""
    name, mark, query = path.partition("?")
    return f"{root}{name}{ending}{mark}{query}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def clean(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, Markup) or (value.isascii() and value.isprintable()):
            return value
        return harmless(value)

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"address": address, "counted": counted, "page": page_address}
    return made


def _trusted(text: str) -> Any:
    """A file of ours, as it is."""
    from markupsafe import Markup

    return Markup(text)


@cache
def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
