"""Pipelines as their users write them, in Python or TOML."""

from plait.config.bounds import check_request
from plait.config.extras import require
from plait.config.loading import dump_toml, load_pipeline, load_python, load_toml, parse_toml
from plait.config.schema import AnswerSettings, Pipeline, Settings, Use, use
from plait.config.validation import combine, explain, named_components, validate_pipeline

__all__ = [
    "AnswerSettings",
    "Pipeline",
    "Settings",
    "Use",
    "check_request",
    "combine",
    "dump_toml",
    "explain",
    "load_pipeline",
    "load_python",
    "load_toml",
    "named_components",
    "parse_toml",
    "require",
    "use",
    "validate_pipeline",
]
