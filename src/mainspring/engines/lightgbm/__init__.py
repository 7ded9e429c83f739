"""LightGBM: boosters become ONNX graphs that decide exactly as LightGBM does.

Owns the reading of a booster's dump and the mathematics of its links.  Needs no installed LightGBM:
it reads what a booster says about itself, or what it was stored as.  Boosters that XGBoost stored
become the same records and graphs.  Leaves scoring, canonical bytes of foreign graphs and the
security scan to `engines.onnx`.
"""

from mainspring.engines.lightgbm.errors import NotABooster, UnsupportedBooster

__all__ = ["NotABooster", "UnsupportedBooster"]
