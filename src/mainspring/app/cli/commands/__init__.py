"""The commands, in modules by topic.  A command parses its arguments, calls one function of the
workspace, and renders one record.

A module is imported when one of its commands is called.  Shared options and output belong to the
modules of `cli` itself.
"""

__all__: list[str] = []
