"""What can keep a run from reaching a verdict: one exception class for each situation.

Verdicts (a test failed, the kernel crashed) are values in `model`; an exception means that a stage has no product.
Each class says who is at fault, and so which exit status and which JUnit element it becomes.
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """Who is at fault, with the exit status for it."""

    USER = 2
    PATCH = 1
    INFRASTRUCTURE = 3
    INTERRUPT = 130


class OrchestrateError(Exception):
    """Base of all situations. `message` says what happened and where, `hint` what to do about it, `detail` is the
    evidence (output of a tool)."""

    fault = Fault.INFRASTRUCTURE

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


# --- the request is wrong: nothing ran


class UsageError(OrchestrateError):
    """A flag, a name or a declaration that makes no sense."""

    fault = Fault.USER


class UnknownName(UsageError):
    """A test case, kconfig, patch, machine or accelerator that does not exist."""


class BadDeclaration(UsageError):
    """A testcase.yaml, fragment or TOML file with an unknown key or a value of the wrong type."""


class CaseDoesNotCompile(UsageError):
    """A test case of the user's own root that the compiler refuses."""


class VmlinuxUnreadable(UsageError):
    """A vmlinux that does not exist, is no ELF file, or has no symbols."""


class PatchUnreadable(UsageError):
    """The patch is missing, empty, not a patch, damaged by a mailer, or an incomplete or mixed series."""


# --- the kernel did not come to answer


class NoGuest(OrchestrateError):
    """No guest answers; the subclasses say who is at fault. `examined_at` is the console byte where the examination
    began, after which the kernel answers our own questions; None if there was none."""

    def __init__(self, message: str, *, hint: str = "", detail: str = "", examined_at: int | None = None) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.examined_at = examined_at


# --- the patch is at fault


class PatchDoesNotApply(OrchestrateError):
    """git refused a patch of the series on this base."""

    fault = Fault.PATCH


class BuildFailed(OrchestrateError):
    """The compiler or the linker refused the kernel."""

    fault = Fault.PATCH


class KconfigBroken(OrchestrateError):
    """kconfig, or make before it, rejects the tree: it has no configuration at all."""

    fault = Fault.PATCH


class KconfigDropped(OrchestrateError):
    """The final .config lacks a symbol that a fragment requests."""

    fault = Fault.USER


class BootFailed(NoGuest):
    """The kernel panicked, hung or died before the guest answered over SSH."""

    fault = Fault.PATCH


# --- the host, a tool or orchestrate is at fault


class ToolMissing(OrchestrateError):
    """A program that a stage needs is not installed."""


class CommandFailed(OrchestrateError):
    """A tool failed in a way that says nothing about the patch."""


class BaseUnavailable(OrchestrateError):
    """The source package or tree of the base cannot be read."""


class BaseDamaged(BaseUnavailable):
    """Objects of a base exist and cannot be read: a power failure, a bad disk."""


class HostRefused(OrchestrateError):
    """The host's operating system refused something: a permission, a read-only file system, an I/O error."""


class DiskFull(HostRefused):
    """No space left where the run or the cache lives."""


class GuestUnreachable(NoGuest):
    """QEMU did not start, or the guest is alive but its SSH server never answered."""


class QemuCrashed(GuestUnreachable):
    """A signal that a program causes itself ended QEMU: a bug of QEMU, which may not occur again."""


class ProductDamaged(GuestUnreachable):
    """What the guest was to boot is no longer what was built. The store has dropped it."""


class DownloadFailed(OrchestrateError):
    """A patch series could not be downloaded."""


class NotFound(DownloadFailed):
    """The server has nothing at this address."""


class NotSent(OrchestrateError):
    """A server did not take a result, or a mail could not be sent. `is_unsure`: perhaps it did, and could be asked."""

    def __init__(self, message: str, *, hint: str = "", detail: str = "", is_unsure: bool = False) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.is_unsure = is_unsure


class HistoryUnavailable(OrchestrateError):
    """The database of the history cannot be reached, read or written."""


class ClusterUnavailable(OrchestrateError):
    """The scheduler of a cluster, or every worker, cannot be reached or is not like us."""


class WorkersUnfit(ClusterUnavailable):
    """There are workers, and none of them can work for this run."""


class WorkerLost(OrchestrateError):
    """A worker died, froze or was cut off while it did a job."""


class Interrupted(OrchestrateError):
    """Ctrl-C or SIGTERM. What finished is kept; the same command resumes."""

    fault = Fault.INTERRUPT
