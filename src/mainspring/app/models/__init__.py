"""How models come to be and to answer: fitted in a process of their own, exported by the library
that made them, scored by ONNX Runtime.

Owns the choice of the engine for each; what a run and a version are is left to
`mainspring.training` and `mainspring.registry`.
"""

__all__: list[str] = []
