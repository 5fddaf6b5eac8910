"""Options, environment and files -> the settings in effect, and where each comes from.

An option beats the environment, that beats the tree's file, that beats the user's file. The tree is the one under test:
that of --tree; the kernel's tree that the user stands in, if its own commits are tested or no other tree is set; else
the one that is set.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from orchestrator.declarations import schema
from orchestrator.errors import UsageError
from orchestrator.parse.patches.patch_name import is_range
from orchestrator.settings.files import read_tree_settings, read_user_settings, tree_around, user_file
from orchestrator.settings.keys import KEYS, OTHERS, PREFIX, Settings, variable
from orchestrator.settings.values import OPTIONS_TOO, checked
from orchestrator.words import near

DEFAULT = "default"
PACKAGED = "linux-source-"  # how the names of Debian's source packages begin
OPTION = "option"


@dataclass(frozen=True)
class Layer:
    """Settings of one origin; `places` says for each that is set where it stands."""

    settings: Settings
    places: Mapping[str, str]


@dataclass(frozen=True)
class Setting:
    """`value` is None where nobody set it; then `origin` is DEFAULT."""

    value: Any
    origin: str


def resolve(
    args: argparse.Namespace, environment: Mapping[str, str], where: Path | None = None
) -> Mapping[str, Setting]:
    """Every setting, by name. `where` is the directory that the user stands in; None: of no matter. Raises UsageError,
    BadDeclaration."""
    path = user_file(environment)
    layers = [of_options(args), of_environment(environment)]
    user = Layer(*read_user_settings(path)) if path else Layer(Settings(), {})
    tree, base = _first("tree", [*layers, user]), _first("base", layers)
    if tree.origin != OPTION and str(base.value).startswith(PACKAGED):
        tree = Setting(None, f"set aside: {base.value} is no revision of it") if tree.value else tree
    around = tree_around(where) if where and tree.origin != OPTION else None
    if around and (tree.value is None or _is_of_the_tree(args)):
        layers.append(Layer(*read_tree_settings(around)))
        if tree.origin == DEFAULT and (place := layers[-1].places.get("base")) and base.value is None:
            tree = Setting(str(around), f"the tree of {place}")  # of which the base is a revision
    elif tree.value is not None:
        layers.append(Layer(*read_tree_settings(Path(tree.value))))
    layers.append(user)
    return {name: _first(name, layers) for name in KEYS} | {"tree": tree}


def _is_of_the_tree(args: argparse.Namespace) -> bool:
    """Whether what is tested are commits, which are those of the tree that the user stands in."""
    patch = getattr(args, "patch", None)
    return patch is None or (is_range(patch) and not Path(patch).exists())


def apply(args: argparse.Namespace, found: Mapping[str, Setting]) -> None:
    """Give the options that were not given what was set elsewhere, and `args.settings` all of it."""
    for name, key in KEYS.items():
        value = found[name].value
        given = getattr(args, key.option, True) if key.option else True
        if value is not None and (given in (None, []) or (name in OPTIONS_TOO and given is not True)):
            setattr(args, key.option, _as_option(name, value))
    args.settings = Settings(**{name: setting.value for name, setting in found.items()})


def give(
    args: argparse.Namespace, words: Sequence[str], environment: Mapping[str, str], where: Path | None = None
) -> None:
    """Complete what the parser has made of a command line: `command_line`, `found`, `settings`. `where` is as in
    `resolve`. Raises UsageError, BadDeclaration."""
    args.command_line = words
    args.found = resolve(args, environment, where)
    apply(args, args.found)


def of_options(args: argparse.Namespace) -> Layer:
    """What the command line says. Raises BadDeclaration."""
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        value = getattr(args, key.option, None) if key.option else None
        if value not in (None, []):
            one = str(value) if isinstance(value, Path) else value
            values[name] = (tuple(one) if isinstance(one, list) else (one,)) if _is_list(name) else one
            if name in OPTIONS_TOO:
                values[name] = checked(name, one, f"--{key.option.replace('_', '-')}")
    return Layer(Settings(**values), dict.fromkeys(values, OPTION))


def of_environment(environment: Mapping[str, str]) -> Layer:
    """ORCHESTRATE_*. A list is separated by spaces or commas; an empty variable counts as not set. Raises UsageError,
    BadDeclaration."""
    names = {variable(name): name for name in KEYS}
    data: dict[str, Any] = {}
    for word, text in environment.items():
        if not word.startswith(PREFIX) or word in OTHERS:
            continue
        if word not in names:
            hint = near(word.removeprefix(PREFIX).lower(), KEYS) or f"known: {', '.join(KEYS)}"
            raise UsageError(f"{word}: there is no such setting", hint=hint)
        if text.strip():
            data[names[word]] = _read(names[word], text.strip())
    found = {
        name: checked(name, getattr(schema.declared(Settings, {name: value}, variable(name)), name), variable(name))
        for name, value in data.items()
    }
    return Layer(Settings(**found), {name: variable(name) for name in found})


def _read(name: str, text: str) -> object:
    """The type of a field says what a variable is."""
    return text.replace(",", " ").split() if _is_list(name) else schema.Plain(text)


def _is_list(name: str) -> bool:
    return any(get_origin(kind) is tuple for kind in get_args(get_type_hints(Settings)[name]))


def _first(name: str, layers: list[Layer]) -> Setting:
    for layer in layers:
        value = getattr(layer.settings, name)
        if value is not None:
            return Setting(value, layer.places[name])
    return Setting(None, DEFAULT)


def _as_option(name: str, value: Any) -> Any:
    """As argparse has it."""
    if name == "tree":
        return Path(value)
    return list(value) if isinstance(value, tuple) else value


def set_elsewhere(found: Mapping[str, Setting]) -> Mapping[str, Setting]:
    """What neither the command line nor nobody has set: somebody who reads a run should know of it."""
    return {name: one for name, one in found.items() if one.value is not None and one.origin != OPTION}


def blame(words: str, found: Mapping[str, Setting]) -> str:
    """Where a value that an error speaks of was set, if not on the command line; empty if no such value is in it."""
    for name, one in set_elsewhere(found).items():
        values = one.value if isinstance(one.value, tuple) else (str(one.value),)
        parts = {part for value in values for part in (value, *value.split("+"))}
        if any(re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", words) for part in parts):
            return f"{name} is set in {one.origin}"
    return ""
