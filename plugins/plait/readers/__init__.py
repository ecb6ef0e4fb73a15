"""Readers: files and folders in, typed documents out."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """The built-in readers."""
    return [
        Component(
            "reader",
            "markdown",
            factory="plait.readers.markdown:MarkdownReader",
            config="plait.readers.markdown:Config",
            summary="Markdown with YAML front matter: headings, tables, figures, equations",
            capabilities={"suffixes": [".md", ".markdown"]},
        ),
        Component(
            "reader",
            "text",
            factory="plait.readers.text:TextReader",
            config="plait.readers.text:Config",
            summary="Plain text in paragraphs; refuses to guess an encoding",
            capabilities={"suffixes": [".txt", ".text"]},
        ),
        Component(
            "reader",
            "beir",
            factory="plait.readers.beir:BeirReader",
            summary="A BEIR collection: one document a line of corpus.jsonl",
            capabilities={"suffixes": [".jsonl"], "folders": True},
        ),
        Component(
            "reader",
            "jats",
            factory="plait.readers.jats:JatsReader",
            config="plait.readers.jats:Config",
            summary="JATS XML articles: sections, figures, tables, equations, references; nothing external is loaded",
            capabilities={"suffixes": [".jats", ".nxml", ".xml"]},
        ),
        Component(
            "reader",
            "pdf",
            factory="plait.readers.pdf:PdfReader",
            config="plait.readers.pdf:Config",
            summary="PDF in a capped subprocess: columns, headings, running heads, captions, bibliography",
            capabilities={"suffixes": [".pdf"]},
        ),
    ]
