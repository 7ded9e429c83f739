"""Training, export and scoring of models: fitted in their own process, exported by the exporter of
their library, scored by ONNX Runtime.

Owns the choice of the engine for each; what a run and a version are is left to
`mainspring.training` and `mainspring.registry`.
"""

__all__: list[str] = []
