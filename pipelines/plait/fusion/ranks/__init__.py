"""Rank fusion: merging ranked lists of hits."""
