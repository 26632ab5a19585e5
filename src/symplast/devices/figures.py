"""The figures: what was measured, and how sure it is."""
