"""symplast: learning systems built on symmetry and plasticity, and audits of the papers behind them.

Rooms are imported by name (``import symplast.scaling``); importing ``symplast`` itself loads nothing.
"""

__version__ = "0.1.0"
