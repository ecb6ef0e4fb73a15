"""From evidence to prompt, and from a written answer to sentences with numbered citations."""

from plait.prompts.citations import Rule, checked_sentences
from plait.prompts.packing import Packed, Ties, pack
from plait.prompts.template import Template, load_template, template_names

__all__ = ["Packed", "Rule", "Template", "Ties", "checked_sentences", "load_template", "pack", "template_names"]
