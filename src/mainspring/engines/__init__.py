"""One folder per product that stands behind a port or a format: each translates between that
product and Mainspring, and nothing else.

An engine imports ports and elements only, never another engine; what joins two of them belongs to
`app`.  The product itself is imported by the engine's modules, so importing this package costs
nothing.
"""

__all__: list[str] = []
