"""The commands, in the order in which --help lists them. A new one is a value in one of these modules."""

from orchestrator.arguments.commands import cluster, host, kernels, records, tests

COMMANDS = (*tests.COMMANDS, *kernels.COMMANDS, *records.COMMANDS, *cluster.COMMANDS, *host.COMMANDS)
