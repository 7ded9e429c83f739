"""One module for each kind of command.  A command parses, calls one function of the workspace, and
renders one record.

None is imported before it is called; what every command takes and how answers are written is left
to the modules of `cli` itself.
"""

__all__: list[str] = []
