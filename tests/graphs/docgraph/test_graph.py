"""Documents become a graph; whatever is left out is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts import Document, Edge, ReadReport, Reference
from plait.contracts.errors import DocumentError
from plait.docgraph import DocumentGraph, GraphSettings, Node, Record, Resolver, build_graph, graph_of_view
from plait.docgraph.facts import stated_facts
from plait.index import Index
from plait.rag import open_index
from plait.readers.markdown import MarkdownReader

PAPERS = Path(__file__).parents[3] / "examples" / "papers"
Paper = Callable[..., Document]
Pairs = Callable[[DocumentGraph, str], dict[tuple[str, str], float]]


def test_a_triangle_of_citations_by_hand(paper: Paper, pairs: Pairs) -> None:
    graph = build_graph([paper("a"), paper("b", "a"), paper("c", "a", "b"), paper("d", "a", "b")])
    assert pairs(graph, "cites") == dict.fromkeys([("b", "a"), ("c", "a"), ("c", "b"), ("d", "a"), ("d", "b")], 1.0)
    assert pairs(graph, "cited_by") == {(b, a): 1.0 for a, b in pairs(graph, "cites")}
    assert pairs(graph, "co_citation") == {("a", "b"): 2.0, ("b", "a"): 2.0}
    coupling = pairs(graph, "bibliographic_coupling")
    assert coupling[("c", "d")] == coupling[("d", "c")] == 2.0
    assert coupling[("b", "c")] == 1.0
    assert len(coupling) == 6


def test_shared_people_places_and_subjects_tie(paper: Paper, pairs: Pairs) -> None:
    graph = build_graph(
        [
            paper("a", authors=["J. Doe", "Ann Roe"], venue="Braids 1999", topics=["knots"], institutions=["MIT"]),
            paper("b", authors=["Doe, John", "A. Roe"], venue="Proc. of Braids 2003", topics=["Knots", "links"]),
            paper("c", authors=["Nemo"], topics=["links"], institutions=["M.I.T", "mit"]),
        ]
    )
    assert pairs(graph, "co_author")[("a", "b")] == 2.0
    assert dict(graph.report.persons.merged) == {"doe, j": "doe, john", "roe, a": "roe, ann"}
    assert pairs(graph, "co_venue") == {("a", "b"): 1.0, ("b", "a"): 1.0}
    assert pairs(graph, "co_topic").keys() == {("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")}
    assert pairs(graph, "co_institution") == {("a", "c"): 1.0, ("c", "a"): 1.0}
    assert graph.entities["author"].keys == ("doe, john", "nemo", "roe, ann")


def test_self_citations_cycles_dangling_and_repeated_references(paper: Paper, pairs: Pairs) -> None:
    graph = build_graph([paper("a", "a", "b", "b", "nowhere"), paper("b", "c"), paper("c", "a", "b")])
    assert pairs(graph, "cites").keys() == {("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")}
    report = graph.report
    assert (report.self_citations, report.mutual, report.unresolved) == (1, 1, 1)
    assert report.facts is not None
    assert report.facts.repeated == 1
    assert report.resolved_share == 5 / 6


def test_citations_of_later_documents_are_counted_and_left_out_on_request(paper: Paper, pairs: Pairs) -> None:
    documents = [
        paper("old", "new", "undated", "same", year=1990, month=5),
        paper("new", year=1990, month=6),
        paper("same", "old", year=1990),
        paper("undated", "new"),
    ]
    assert build_graph(documents).report.future_citations == 1
    graph = build_graph(documents, GraphSettings(time_respecting=True))
    assert pairs(graph, "cites").keys() == {("old", "undated"), ("old", "same"), ("same", "old"), ("undated", "new")}
    assert graph.report.future_citations == 1


def test_nothing_is_derived_from_a_citation_that_time_forbids(paper: Paper, pairs: Pairs) -> None:
    documents = [paper("a", year=2000), paper("b", year=2005), paper("c", "a", "b", year=2001)]
    assert pairs(build_graph(documents), "co_citation")
    assert not pairs(build_graph(documents, GraphSettings(time_respecting=True)), "co_citation")


def test_links_without_direction_are_turned_by_date(paper: Paper, pairs: Pairs) -> None:
    documents = [paper("a", "b", "c", year=1990), paper("b", "a", year=1995), paper("c", year=1990), paper("d", "a")]
    graph = build_graph(documents, GraphSettings(orientation="date"))
    assert pairs(graph, "cites").keys() == {("b", "a"), ("a", "c"), ("d", "a")}
    assert graph.report.turned == 1
    assert graph.report.future_citations == 1


def test_excluded_pairs_leave_no_trace_in_any_relation(paper: Paper, pairs: Pairs) -> None:
    shared = {"authors": ["J. Doe"], "venue": "V", "topics": ["t"], "institutions": ["i"]}
    rng = np.random.default_rng(0)
    names = [f"n{n}" for n in range(30)]
    cited = {name: [str(c) for c in rng.choice(names, 6, replace=False) if c != name] for name in names}
    graph = build_graph([paper(name, *cited[name], **shared) for name in names])
    citations = sorted(pairs(graph, "cites"))[::7]
    without = graph.without(citations)
    hidden = {pair for a, b in citations for pair in ((a, b), (b, a))}
    rebuilt = build_graph(
        [paper(name, *(c for c in cited[name] if (name, c) not in hidden), **shared) for name in names]
    )
    for name in graph.relations:
        expected = {pair: weight for pair, weight in pairs(rebuilt, name).items() if pair not in hidden}
        assert pairs(without, name) == expected, name
    assert pairs(without, "co_citation") != pairs(graph, "co_citation")
    assert any(pair in pairs(graph, "co_venue") for pair in hidden)


def test_pairs_are_excluded_by_number_as_well_and_one_after_the_other(paper: Paper) -> None:
    graph = build_graph([paper("a", "b", "c"), paper("b", "c"), paper("c")])
    at_once = graph.without([("a", "b"), ("c", "b")])
    in_turn = graph.without(np.array([[0, 1]])).without(np.array([[1, 2]]))
    assert at_once.fingerprint == in_turn.fingerprint != graph.fingerprint
    with pytest.raises(DocumentError, match="nodes 0 to 2"):
        graph.without(np.array([[0, 3]]))
    with pytest.raises(DocumentError, match="no document 'x'"):
        graph.without([("a", "x")])


def test_one_paper_that_is_there_twice_counts_once(paper: Paper, pairs: Pairs) -> None:
    doi = {"identifiers": {"doi": "10.1000/x"}}
    documents = [
        paper("print", "z", title="One paper", **doi),
        paper("arxiv", "z", "y", title="One paper, first", **doi),
        paper("y", "z"),
        paper("z"),
        paper("q", "print", "arxiv"),
    ]
    graph = build_graph(documents)
    assert dict(graph.report.duplicates) == {"print": "arxiv"}
    assert pairs(graph, "cites").keys() == {("arxiv", "z"), ("arxiv", "y"), ("y", "z"), ("q", "arxiv")}
    assert pairs(graph, "same_as").keys() == {("arxiv", "print"), ("print", "arxiv")}
    assert graph.report.repeated == 2
    apart = build_graph(documents, GraphSettings(merge_duplicates="never"))
    assert ("print", "z") in pairs(apart, "cites")
    assert pairs(apart, "same_as") == pairs(graph, "same_as")


def test_papers_of_one_title_are_tied_but_not_merged(paper: Paper, pairs: Pairs) -> None:
    same = {"title": "Evaluation of a determinant", "year": 1963, "authors": ["B. Freed"]}
    documents = [paper("algorithm", "x", **same), paper("certification", "x", **same), paper("x")]
    graph = build_graph(documents)
    assert pairs(graph, "same_as").keys() == {("algorithm", "certification"), ("certification", "algorithm")}
    assert pairs(graph, "cites").keys() == {("algorithm", "x"), ("certification", "x")}
    assert len(pairs(build_graph(documents, GraphSettings(merge_duplicates="title")), "cites")) == 1


def test_unsure_citations_are_left_out_by_confidence() -> None:
    nodes = [Node("a"), Node("b"), Node("c")]
    facts = [
        Edge("a", "cites", "b", 0.4),
        Edge("a", "cites", "c", 0.8),
        Edge("a", "cites", "gone"),
        Edge("a", "cites", ""),
    ]
    graph = build_graph(nodes, facts=facts)
    report = graph.report
    assert (len(graph.relations["cites"]), report.unsure, report.dangling, report.unresolved) == (1, 1, 1, 1)
    assert report.mean_confidence == pytest.approx(0.6)


@pytest.mark.parametrize("documents", [0, 1, 3])
def test_a_graph_with_no_edges_is_a_graph(documents: int, paper: Paper) -> None:
    graph = build_graph([paper(str(n)) for n in range(documents)])
    assert len(graph) == documents
    assert all(len(relation) == 0 for relation in graph.relations.values())
    assert set(graph.relations) == set(GraphSettings().relations)
    assert len(graph.without([])) == documents


def test_a_venue_of_everything_ties_nothing_and_is_named(paper: Paper) -> None:
    graph = build_graph([paper(str(n), venue="Everything") for n in range(300)])
    assert len(graph.relations["co_venue"]) == 0
    (left_out,) = graph.report.left_out
    assert (left_out.relation, left_out.group, left_out.size) == ("co_venue", "everything", 300)
    assert (
        len(
            build_graph([paper(str(n), venue="E") for n in range(300)], GraphSettings(group_cap=None)).relations[
                "co_venue"
            ]
        )
        == 300 * 299
    )


def test_three_thousand_authors_tie_two_papers_once(paper: Paper, pairs: Pairs) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"{a.upper()}. {b}{c}erson" for a in letters for b in letters for c in letters][:3_000]
    graph = build_graph([paper("a", authors=names), paper("b", authors=names[::-1])])
    assert pairs(graph, "co_author") == {("a", "b"): 3_000.0, ("b", "a"): 3_000.0}


def test_nodes_stand_in_the_order_of_the_documents_and_edges_do_not_depend_on_it(paper: Paper, pairs: Pairs) -> None:
    documents = [
        paper("a", "b", authors=["X"]),
        paper("b", "c"),
        paper("c", authors=["X"], venue="V"),
        paper("d", venue="V"),
    ]
    one, other = build_graph(documents), build_graph(documents[::-1])
    assert other.ids == one.ids[::-1]
    assert all(pairs(one, name) == pairs(other, name) for name in one.relations)


def test_two_documents_of_one_id_and_facts_of_strangers_are_refused(paper: Paper) -> None:
    with pytest.raises(DocumentError, match="'a' is used by two documents"):
        build_graph([paper("a"), paper("a")])
    with pytest.raises(DocumentError, match="'b', which is not among the documents"):
        build_graph([Node("a")], facts=[Edge("b", "cites", "a")])
    with pytest.raises(DocumentError, match="unknown relation 'sites'"):
        build_graph([Node("a")], facts=[Edge("a", "sites", "a")])
    with pytest.raises(DocumentError, match="give facts as well"):
        build_graph([Node("a")])


def test_a_fingerprint_changes_with_what_an_encoder_would_see(paper: Paper) -> None:
    base = build_graph([paper("a", "b"), paper("b")])
    assert base.fingerprint == build_graph([paper("a", "b"), paper("b")]).fingerprint
    others = [
        build_graph([paper("a"), paper("b", "a")]),
        build_graph([paper("a", "c"), paper("c")]),
        build_graph([paper("a", "b"), paper("b")], GraphSettings(relations=("cites",))),
    ]
    assert len({base.fingerprint, *(graph.fingerprint for graph in others)}) == 4


def test_an_unknown_document_is_named_with_the_nearest() -> None:
    graph = build_graph([Node("longembed")], facts=[])
    with pytest.raises(DocumentError, match="'longembed'"):
        graph.number("longembd")


def test_references_resolve_by_title_within_the_build(paper: Paper, pairs: Pairs) -> None:
    documents = [
        paper("a", Reference(title="On the paper of b", year=2001)),
        paper("b", title="On the Paper of B", year=2001),
    ]
    assert pairs(build_graph(documents), "cites") == {("a", "b"): 1.0}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    place = tmp_path_factory.mktemp("index") / "papers.plait"
    with open_index(place, Pipeline(retrievers=[use("lexical")])) as rag:
        rag.add(PAPERS)
    return Index.open(place)


def test_the_graph_of_an_index_is_that_of_its_documents(index: Index) -> None:
    view = index.view()
    told: list[int] = []
    graph = graph_of_view(view, progress=lambda _what, done, _all: told.append(done))
    documents = [d for path in sorted(PAPERS.glob("*.md")) for d in MarkdownReader().read(path, ReadReport())]
    assert graph.fingerprint == build_graph(sorted(documents, key=lambda d: d.id)).fingerprint
    assert told == list(range(len(documents)))
    assert graph.report.facts is not None
    assert graph.report.facts.resolved["id"] == graph.report.references > 90


def test_stored_facts_make_the_same_graph_without_opening_a_document(index: Index) -> None:
    view = index.view()
    documents = [view.document(i) for i in view.document_ids]
    resolver = Resolver(map(Record.of, documents))
    facts = (fact for document in documents for fact in stated_facts(document, resolver, GraphSettings()))
    graph = graph_of_view(view, facts=facts)
    assert graph.fingerprint == graph_of_view(view).fingerprint


def test_an_empty_index_has_an_empty_graph(tmp_path: Path) -> None:
    assert len(graph_of_view(Index.create(tmp_path / "i").view())) == 0
