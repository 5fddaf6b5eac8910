"""Shell completions, made from the commands. A shell asks `orchestrate list` for the names of things."""

from collections.abc import Callable, Mapping

from orchestrator.arguments.completion.bash import bash
from orchestrator.arguments.completion.fish import fish
from orchestrator.arguments.completion.zsh import zsh

COMPLETIONS: Mapping[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
