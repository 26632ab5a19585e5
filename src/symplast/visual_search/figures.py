"""Figures."""

from symplast.visual_search.study import study

__all__ = ["study"]
