"""What is behind a prediction: recomputed from log and artifacts, and traced to model, training
set and attestations.

Owns the comparison of what was answered with what is computed again.  Which predictions are
compared in the background is `monitoring`'s.
"""

__all__: list[str] = []
