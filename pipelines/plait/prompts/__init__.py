"""From evidence to prompt, and from answer back to evidence: templates, packing, relevance, checked citations."""

from plait.prompts.citations import verify
from plait.prompts.packing import Packed, Ties, pack
from plait.prompts.relevance import Relevance, assess
from plait.prompts.template import Template, load_template, template_names

__all__ = ["Packed", "Relevance", "Template", "Ties", "assess", "load_template", "pack", "template_names", "verify"]
