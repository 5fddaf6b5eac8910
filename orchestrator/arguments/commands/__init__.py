"""The commands, in the order in which --help lists them. A new one is a value in one of these modules."""

from orchestrator.arguments.commands import cluster, host, kernels, nights, outbound, records, tests

COMMANDS = (
    *tests.COMMANDS,
    *nights.COMMANDS,
    *kernels.COMMANDS,
    *records.COMMANDS,
    *outbound.COMMANDS,
    *cluster.COMMANDS,
    *host.COMMANDS,
)
