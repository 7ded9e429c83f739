"""The steps of the demo, one module each: what it runs, and what must hold at its end.

They share the scene and pass records to each other; printing belongs to `DemoOutput`.
"""

__all__: list[str] = []
