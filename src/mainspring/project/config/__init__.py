"""The settings in `project.toml`: environments, the engines behind each port, trust roots and
costs. Every fault is reported with its line.

Owns the records of configuration.  Declarations in Python are left to `loader`, and opening engines
to the composition root.
"""

__all__: list[str] = []
