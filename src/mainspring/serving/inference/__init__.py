"""What is logged of predictions: the record of one, the group of those that were answered at once,
the bytes that a group is stored as, and how sure the log must be before an answer leaves.

Where groups lie and how they are found is for `inference_log`.
"""

__all__: list[str] = []
