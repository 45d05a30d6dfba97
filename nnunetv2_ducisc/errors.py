"""The one kind of error that is meant for the user's eyes."""


class DuCiSCError(RuntimeError):
    """Bad input: one sentence with what was found, what was expected and what fixes it."""
