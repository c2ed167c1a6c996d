"""The error for what a caller asked wrongly. Any other error inside the sandbox is a fault of the sandbox."""


class Invalid(ValueError):
    """Say what is wrong with a setting, a field or an argument."""
