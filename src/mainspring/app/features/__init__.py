"""What people ask about features: answers for a file of past questions, how fresh state is, and
whether what was told while serving still agrees with the log.

Owns the shape of questions and reports.  Values come from `mainspring.features`; keeping online
state current is left to `stream`.
"""

__all__: list[str] = []
