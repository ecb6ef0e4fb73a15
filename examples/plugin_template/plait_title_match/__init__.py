"""A plugin for Plait with one retriever. This module is imported when plugins are listed: keep it light."""

from plait.hooks import Component, hookimpl


@hookimpl
def plait_components() -> list[Component]:
    """Declares the retriever ``title-match``."""
    return [
        Component(
            "retriever",
            "title-match",
            factory="plait_title_match.retriever:TitleMatch",
            config="plait_title_match.retriever:Config",
            summary="passages of documents whose title shares words with the question",
        )
    ]
