"""One module per gate: each turns a gate and its evidence into a finding, purely.

Where the evidence comes from is left to `gates.evidence`; who said it, when and with whose key, to
`gates.judge` and `gates.attest`.
"""

__all__: list[str] = []
