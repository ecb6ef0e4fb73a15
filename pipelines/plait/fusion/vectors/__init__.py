"""Fusion of text and structural vectors into one that is searched like any other.

:mod:`~plait.fusion.vectors.gated` is the default, :mod:`~plait.fusion.vectors.concatenated` ATLANTIC's own (Munikoti et
al. 2023, arXiv:2311.12289), :mod:`~plait.fusion.vectors.mixed` the baseline that only mixes scores.
:mod:`~plait.fusion.vectors.fitting` trains them. Importing this package is light; its modules import torch.
"""
