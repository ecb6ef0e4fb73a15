"""Fusion of text and structural vectors into one that is searched like any other.

:mod:`~plait.fusion.vectors.fused_column` has the components ``gated`` and ``concatenated``,
:mod:`~plait.fusion.vectors.layers` what they learn, :mod:`~plait.fusion.vectors.fitting` how. Importing this package
and the first of them is light; the others import torch.
"""
