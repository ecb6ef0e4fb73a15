"""Pipelines as their users write them, in Python or TOML."""

from plait.config.schema import AnswerSettings, Pipeline
from plait.config.use import Settings, Use, use

__all__ = ["AnswerSettings", "Pipeline", "Settings", "Use", "use"]
