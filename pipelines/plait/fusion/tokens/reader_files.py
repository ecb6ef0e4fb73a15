"""Where ``plait train reader`` leaves what it taught: the index's model ``reader``, one file per kind of generator."""

from __future__ import annotations

__all__ = ["FID", "PROJECTOR", "READER"]

READER = "reader"
"""The name of the trained model in the index."""
PROJECTOR = "projector.safetensors"
"""Weights of the projector, for generators that take soft tokens."""
FID = "fusion-in-decoder.safetensors"
"""Structural weights of a Fusion-in-Decoder."""
