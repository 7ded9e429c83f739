"""Keeps a workspace in order: tidies up what nothing needs, copies state, log and objects as one
whole, and brings a copy back.

Owns the right to do so, one at a time.  What may go, and what a copy is made of, is decided in
`mainspring.project`.
"""

__all__: list[str] = []
