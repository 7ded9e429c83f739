"""The acts of the demo, one module each: what happens on the stage, and what must have been seen
when it ends.

They share the scene and hand records to each other; what they print in common is the stage's.
"""

__all__: list[str] = []
