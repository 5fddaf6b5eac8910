"""Why `make tinyconfig` or `make olddefconfig` refused a tree, in kconfig's own words. Pure."""

from __future__ import annotations

import re

# "mm/Kconfig:15: syntax error"; "mm/Kconfig:16:warning: ..." refuses nothing
MESSAGE = re.compile(
    r"^(?P<place>(?:[^\s:]+/)?Kconfig[^\s:/]*:\d+): ?(?:error: )?(?!warning:)(?P<what>\S.*)$", re.MULTILINE
)
RECURSIVE = re.compile(
    r"^(?:(?P<place>\S+:\d+):)?error: recursive dependency detected!\n(?P<steps>(?:(?:\S+:\d+:)?\tsymbol .+\n)+)",
    re.MULTILINE,
)
INCLUSION = re.compile(r"^Recursive inclusion detected\.$", re.MULTILINE)
INCLUDER = re.compile(r"^ +included from: (?P<place>\S+)$", re.MULTILINE)
# make itself: a tree's Makefiles are read to configure it
MAKEFILE = re.compile(r"^(?:\.\./)?(?P<place>[^\s:]+:\d+): \*\*\* (?P<what>.+?)\.  Stop\.$", re.MULTILINE)


def main_message(log: str) -> str:
    """The message that says most, as "file:line: text" with the path from the tree's root; empty when there is none."""
    if match := RECURSIVE.search(log):
        steps = re.findall(r"\t(symbol .+)", match["steps"])
        return f"{match['place'] or 'Kconfig'}: recursive dependency: {', '.join(steps)}"
    if (found := INCLUSION.search(log)) and (match := INCLUDER.search(log, found.end())):
        return f"{match['place']}: recursive inclusion"
    if messages := [(match["place"], match["what"]) for match in MESSAGE.finditer(log)]:
        # the parser's own complaint is followed by one that says what is wrong, or by those about the rest of the entry
        following = messages[1] if messages[1:] and messages[1][1] != "invalid statement" else messages[0]
        return ": ".join(following if messages[0][1] == "syntax error" else messages[0])
    match = MAKEFILE.search(log)
    return f"{match['place']}: {match['what']}" if match else ""
