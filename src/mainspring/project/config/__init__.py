"""What `project.toml` says: environments, the engines behind each port, trust roots and costs, read
with every fault and the line that it is on.

Owns the records of configuration.  What is declared in Python is left to `declared`, and opening
engines to whoever needs them.
"""

__all__: list[str] = []
