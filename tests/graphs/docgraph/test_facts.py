"""Facts are owned by their documents, and a reference survives being stored as one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Document, Edge, Reference
from plait.docgraph import FactsReport, GraphSettings, Record, Resolver
from plait.docgraph.facts import label_of, reference_of, report_of, stated_facts

Paper = Callable[..., Document]
WORDS = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=20)


def _by_title(title: str, year: int | None = None) -> Reference:
    return Reference(title=title, year=year)


@pytest.fixture
def corpus(paper: Paper) -> list[Document]:
    """References by id and title, two papers of one title, one paper twice, identifiers that disagree."""
    shared = "A title that two papers have"
    return [
        paper("a", "b", "gone", _by_title("The third paper of this corpus", 2003), authors=["A. Doe"]),
        paper("b", Reference(identifiers={"doi": "10.1000/c", "arxiv": "2001.00001"}), _by_title(shared)),
        paper("c", "a", title="The third paper of this corpus", year=2003, identifiers={"doi": "10.1000/c"}),
        paper("d", title=shared, year=2001, identifiers={"arxiv": "2001.00001"}),
        paper("e", Reference("Roe. A title that two papers have. 1980."), title=shared, year=1980, authors=["B. Roe"]),
        paper("f", "f", title="Once more", identifiers={"doi": "10.1000/c"}),
    ]


def facts_of(
    documents: Sequence[Document], settings: GraphSettings | None = None, report: FactsReport | None = None
) -> list[Edge]:
    resolver = Resolver(map(Record.of, documents))
    return [
        fact for document in documents for fact in stated_facts(document, resolver, settings or GraphSettings(), report)
    ]


def test_all_kinds_of_facts_are_made(paper: Paper) -> None:
    document = paper(
        "a",
        authors=["Doe, J."],
        venue="Proc. of Braids 1999",
        topics=["Knot theory", "knot Theory"],
        field=["Maths"],
        institutions="MIT",
    )
    settings = GraphSettings(topics_from=("topics", "field"))
    assert facts_of([document], settings) == [
        Edge("a", "author", "doe, j", 1.0, "Doe, J."),
        Edge("a", "venue", "braids", 1.0, "Proc. of Braids 1999"),
        Edge("a", "topic", "knot theory", 1.0, "Knot theory"),
        Edge("a", "topic", "maths", 1.0, "Maths"),
        Edge("a", "institution", "mit", 1.0, "MIT"),
    ]


def test_the_report_says_how_and_why_not(corpus: list[Document]) -> None:
    report = FactsReport()
    facts_of(corpus, report=report)
    assert report.resolved == {"id": 3, "title": 1}
    assert report.unresolved == {"unknown identifier": 1, "identifiers disagree": 1, "ambiguous": 1, "other year": 1}
    source, reason, label = report.examples[0]
    assert (source, reason, label) == ("a", "unknown identifier", "\tid=gone")


def test_an_equal_reference_is_stored_once(paper: Paper) -> None:
    documents = [
        paper("a", "b", "b", _by_title("On the paper b", 1999), "x", "x"),
        paper("b", title="On the paper b", year=1999),
    ]
    report = FactsReport()
    facts = facts_of(documents, report=report)
    assert [(fact.target, fact.confidence) for fact in facts] == [("b", 1.0), ("b", 0.95), ("", 0.0)]
    assert report.repeated == 2


def test_stored_references_are_counted_as_they_resolve_now(corpus: list[Document]) -> None:
    report = FactsReport()
    stored = facts_of(corpus, report=report)
    again = report_of(stored, Resolver(map(Record.of, corpus)))
    assert (again.resolved, again.unresolved) == (report.resolved, report.unresolved)
    nothing = report_of([Edge("a", "cites", "", 0.0, "")], Resolver([Record("a")]))
    assert nothing.unresolved == {"nothing to go by": 1}


def test_ids_with_odd_characters_are_cited(paper: Paper) -> None:
    odd = "ä/ <b>&\"'"
    documents = [paper("a", odd), paper(odd)]
    assert facts_of(documents)[0].target == odd


@given(WORDS, WORDS, st.none() | st.integers(0, 9999), st.dictionaries(st.sampled_from(["doi", "id", "arxiv"]), WORDS))
def test_what_is_written_is_read_back(text: str, title: str, year: int | None, identifiers: dict[str, str]) -> None:
    reference = Reference(text, title, year, identifiers)
    again = reference_of(label_of(reference))
    assert (again.text, again.title, again.year, dict(again.identifiers)) == (text, title, year, identifiers)


def test_tabs_and_lines_in_an_entry_do_not_break_it() -> None:
    again = reference_of(label_of(Reference("Doe\t title=x\nOn y", "On\ty")))
    assert (again.text, again.title) == ("Doe title=x On y", "On y")
