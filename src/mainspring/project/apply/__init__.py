"""What is done: stages carried out, models judged, and what is known of environments read.

Owns the acts behind the verbs, on the ports that `tools` names.  When they are called, and under
which lease, is left to the workspace.
"""

__all__: list[str] = []
