"""Running text of JATS elements."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import name2codepoint

from lxml import etree

from plait.readers.metadata import one_line

__all__ = ["child_text", "formula", "local", "plain", "raw"]

_EXPONENT = re.compile(r"[+\-\u2212\u2013]?[\w.]+")
_TEX_WRAP = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)
_BLOCKS = {"p", "title", "list-item", "td", "th", "break", "def", "term", "sec"}


def local(element: etree._Element) -> str:
    """The tag without its namespace; empty for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def plain(element: etree._Element | None, leave_out: Callable[[etree._Element], bool] | None = None) -> str:
    """All text under ``element`` on one line, formulas as LaTeX; elements for which ``leave_out`` holds are skipped."""
    return "" if element is None else one_line(raw(element, leave_out))


def raw(element: etree._Element, leave_out: Callable[[etree._Element], bool] | None = None) -> str:
    """Like :func:`plain`, with the white space as it stands."""
    parts = [element.text or ""]
    for child in element:
        parts.append(child_text(child, "".join(parts[-2:]), leave_out))
    return "".join(parts)


def child_text(child: etree._Element, before: str, leave_out: Callable[[etree._Element], bool] | None = None) -> str:
    """What one child adds to running text that ends with ``before``: its own text and what follows it."""
    tail = child.tail or ""
    if isinstance(child, etree._Entity):
        # Named characters (&nbsp;) of a DTD that was not loaded; articles that define entities were refused.
        known = name2codepoint.get(child.name)
        return (chr(known) if known else f"&{child.name};") + tail
    if not isinstance(child.tag, str) or (leave_out and leave_out(child)):
        return tail
    name = local(child)
    if name in {"inline-formula", "disp-formula", "tex-math", "math", "alternatives"}:
        return formula(child) + tail
    text = raw(child, leave_out)
    if name in _BLOCKS:
        text = f" {text} "
    elif name == "sup" and before[-1:].isalnum() and len(child) == 0 and _EXPONENT.fullmatch(text.strip()):
        text = "^" + text.strip()  # 10<sup>5</sup> is not 105
    return text + tail


def formula(element: etree._Element) -> str:
    """LaTeX if the formula has it, else the text of its MathML or of itself."""
    tex = next((found for found in element.iter() if local(found) == "tex-math"), None)
    if tex is not None:
        source = "".join(str(part) for part in tex.itertext())
        wrapped = _TEX_WRAP.search(source)
        return one_line(wrapped[1] if wrapped else source).strip("$ ")
    maths = next((found for found in element.iter() if local(found) == "math"), None)
    chosen = element if maths is None else maths
    label = next((child for child in element if local(child) == "label"), None)
    parts = [
        text
        for node in chosen.iter()
        if node is not label
        for text in (node.text if isinstance(node.tag, str) else "", node.tail if node is not chosen else "")
        if text
    ]
    return one_line(" ".join(parts) if maths is not None else "".join(parts))
