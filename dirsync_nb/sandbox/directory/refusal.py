"""The errors for what a caller asked wrongly. Any other error inside the sandbox is a fault of the sandbox."""

from ...errors import ArgumentError, DirsyncError


class Invalid(ArgumentError):
    """Say what is wrong with a setting, a field or an argument."""


class NotRunning(DirsyncError, RuntimeError):
    """Say that a sandbox was asked which does not serve."""
