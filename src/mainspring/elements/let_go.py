"""Errors that have been told, and hold nothing any more."""

__all__ = ["let_go"]


def let_go(error: BaseException) -> None:
    """Drop where an error came from, and its causes: nobody asks for them any more.

    An error that a function has kept as a value is in a cycle with the function's own frame, which
    its trace names.  All that the frame had, such as a body of 400,000 rows, would stay until the
    garbage collector looks: 31 MB for each request that was refused.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None
