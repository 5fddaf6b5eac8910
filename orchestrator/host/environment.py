"""What our children get of the environment that we were started in. Pure.

Each tool reads variables of its own, hundreds of them (make MAKEFLAGS and GNUMAKEFLAGS, Kbuild AR and HOSTLD, gcc CPATH
and GCC_EXEC_PREFIX, git GIT_DIR, ...), and people who work on kernels have some set. A list of those to keep out is
never complete, so this is the list of those that pass, each kind with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PASSED_ON = (
    # where programs are, and the libraries of those that lie elsewhere than their system's
    r"PATH|LD_LIBRARY_PATH",
    # who runs us: git refuses trees of other owners by the user's own configuration, which is found through these
    r"HOME|USER|LOGNAME|XDG_CONFIG_HOME",
    # where there is room for temporary files
    r"TMPDIR",
    # what a program that asks what terminal it has would complain of the lack of
    r"TERM",
    # how apt-get reaches its mirrors
    r"(?:https?|ftp|all|no)_proxy|(?:HTTPS?|FTP|ALL|NO)_PROXY|APT_CONFIG",
)
_PASSED_ON = re.compile("|".join(PASSED_ON))
# Whom git takes the user for. For a mail in the user's name alone: a commit of ours has an author of its own, so that
# its id is the same everywhere
_IDENTITY = re.compile(r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|EMAIL")
# How a user's own commands get at other machines: agents, keys, certificates, tickets
_ACCESS = re.compile(
    r"SSH_AUTH_SOCK|SSH_ASKPASS\w*|GIT_SSH\w*|GIT_ASKPASS|GIT_SSL_\w+|SSL_CERT_(?:FILE|DIR)|KRB5CCNAME"
)
# We read what git, make and gcc say: in English. And gcc can be ccache (/usr/lib/ccache comes first in many a PATH),
# which would fill the user's own cache
DEFAULTS = {"LC_ALL": "C", "CCACHE_DISABLE": "1"}


def for_children(ours: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: what the list lets pass, our defaults, and the changes for this child."""
    defaults = dict(DEFAULTS)
    if "CCACHE_DIR" in changes:  # a cache of ours
        del defaults["CCACHE_DISABLE"]
    return {**{name: value for name, value in ours.items() if _PASSED_ON.fullmatch(name)}, **defaults, **changes}


def identity(ours: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What says who the user is, as changes for a child that acts in the user's name."""
    return tuple((name, value) for name, value in ours.items() if _IDENTITY.fullmatch(name))


def access(ours: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What lets a user's own command reach what the user reaches, as changes for the child that runs it."""
    return tuple((name, value) for name, value in ours.items() if _ACCESS.fullmatch(name))
