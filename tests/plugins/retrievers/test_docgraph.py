"""The retriever ``docgraph``: structural vectors that never fall silent, and a leg that walks citations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plait.config import Pipeline, use
from plait.contracts import Document, IngestBatch, Query, Reference, Retriever, Section, Text
from plait.contracts.errors import ConfigError, ModelError
from plait.docgraph.traversal import Traversal
from plait.docgraph.weighing import DEFAULT_WEIGHTS
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.gnn import TrainingSettings
from plait.gnn.training import train
from plait.hooks import Assembly, PluginHost
from plait.rag import open_index
from plait.retrievers.dense import Config as DenseConfig
from plait.retrievers.dense import Dense
from plait.retrievers.docgraph import Config, DocGraph
from plait.retrievers.graph_model import TRAVERSAL
from plait.retrievers.lexical import Config as LexicalConfig
from plait.retrievers.lexical import Lexical
from plait.testing import MemoryView, memory_view
from plait.testing.conformance import RetrieverConformance

EMBEDDER = MiniLM(MiniLMConfig())
DENSE, LEXICAL = Dense(DenseConfig(), EMBEDDER), Lexical(LexicalConfig())
RELATIONS = ("cites", "cited_by")


def docgraph(**settings: Any) -> DocGraph:
    return DocGraph(Config(**{"relations": RELATIONS, "encoder": "propagation"} | settings), EMBEDDER, LEXICAL)


def paper(name: str, text: str, *cites: str, **metadata: Any) -> Document:
    references = tuple(Reference(identifiers={"id": cited}) for cited in cites)
    return Document(name, f"On {name}", (Section("", (Text(text), Text(f"More of {text}"))),), metadata, references)


def papers() -> list[Document]:
    """A survey cites the classics in words that they do not share; one paper stands alone."""
    return [
        paper("braids", "Strands are crossed in turn.", year=1950),
        paper("knots", "A closed curve in space.", "braids", year=1960),
        paper("survey", "A survey of topology for weavers.", "braids", "knots", year=1990),
        paper("looms", "Weavers use looms.", "survey", year=2000),
        paper("alone", "Yeast ferments sugar.", year=2001),
    ]


def view_of(documents: Sequence[Document], retriever: DocGraph, **more: Any) -> MemoryView:
    made = memory_view(documents, [DENSE, LEXICAL])
    passages = [made.passage(row) for row in range(len(made))]
    columns = [
        (
            column,
            made.vectors("dense") if column.name == "dense" else LEXICAL.encode(_batch(documents, passages))["lexical"],
        )
        for column in (*DENSE.columns, *LEXICAL.columns)
    ]
    return MemoryView(documents, passages, columns, **more)


def _batch(documents: Sequence[Document], passages: Sequence[Any]) -> IngestBatch:
    return IngestBatch(documents, passages)


class TestDocGraph(RetrieverConformance):
    @pytest.fixture(params=["sage", "propagation"])
    def retriever(self, request: pytest.FixtureRequest) -> DocGraph:
        return docgraph(encoder=request.param)

    @pytest.fixture
    def before(self) -> Sequence[Retriever]:
        return [DENSE, LEXICAL]


def by_document(view: MemoryView, values: Any) -> dict[str, Any]:
    return {view.document_ids[number]: values[row] for row, number in enumerate(view.document_numbers)}


def test_a_document_tied_to_nothing_keeps_its_text_in_every_bit() -> None:
    retriever = docgraph()
    view = view_of(papers(), retriever)
    columns = retriever.encode_corpus(view)
    text = retriever.text_vectors(view)
    found, tied = by_document(view, columns["docgraph"]), by_document(view, columns["docgraph.tied"])
    assert {name for name, value in tied.items() if not value} == {"alone"}
    assert np.array_equal(found["alone"], text[4])
    for number, name in enumerate(view.document_ids[:4]):
        assert not np.array_equal(found[name], text[number])
    assert np.linalg.norm(np.asarray(columns["docgraph"]), axis=1) == pytest.approx(1.0, abs=1e-5)


def test_without_training_every_structural_vector_is_text_and_still_says_who_is_tied() -> None:
    retriever = docgraph(encoder="sage")
    view = view_of(papers(), retriever)
    structure = retriever.structural(view)
    assert np.array_equal(structure.vectors, retriever.text_vectors(view))
    assert structure.has_structure.tolist() == [True, True, True, True, False]


def test_propagation_equals_the_formula_in_numpy() -> None:
    retriever = docgraph(depth=2, teleport=0.3)
    view = view_of(papers(), retriever)
    text = retriever.text_vectors(view).astype(np.float64)
    cites = np.zeros((5, 5))
    for citing, cited in [(1, 0), (2, 0), (2, 1), (3, 2)]:
        cites[citing, cited] = 1.0
    states = text
    for _ in range(2):
        total, kinds = np.zeros_like(text), np.zeros((5, 1))
        for matrix in (cites, cites.T):
            degree = matrix.sum(axis=1, keepdims=True)
            total += np.divide(matrix @ states, degree, out=np.zeros_like(text), where=degree > 0)
            kinds += degree > 0
        states = np.where(kinds > 0, 0.7 * total / np.maximum(kinds, 1) + 0.3 * text, text)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    assert retriever.structural(view).vectors == pytest.approx(states, abs=1e-5)


def test_documents_unseen_in_training_get_structure_from_the_trained_encoder(tmp_path: Path) -> None:
    retriever = docgraph(encoder="sage")
    seen = view_of(papers(), retriever)
    settings = TrainingSettings(relations=RELATIONS, epochs=20, batch=2)
    trained = train(retriever.graph(seen), retriever.text_vectors(seen), settings)
    trained.save(tmp_path / "docgraph", retriever.encoder_identity())
    new = [*papers(), paper("late", "Ropes and cords.", "knots"), paper("lone", "Comets.")]
    view = view_of(new, retriever, models={"docgraph": tmp_path / "docgraph"})
    found, text = retriever.structural(view), retriever.text_vectors(view)
    assert found.has_structure.tolist() == [True] * 4 + [False, True, False]
    assert not np.allclose(found.vectors[5], text[5])
    assert np.array_equal(found.vectors[[4, 6]], text[[4, 6]])
    assert np.array_equal(found.vectors, trained.encode(retriever.graph(view), text).vectors)


def test_the_walk_finds_what_the_nearest_documents_cite() -> None:
    """The paper farthest from the question by text is cited by the survey that fits it."""
    retriever = docgraph()
    question = Query("A survey of topology for weavers")
    dough = [paper(f"x{n}", f"Sugar number {n} in dough.") for n in range(20)]
    by_text = list(
        dict.fromkeys(hit.document_id for hit in DENSE.retrieve(question, view_of([*papers(), *dough], retriever), 50))
    )
    last = by_text[-1]
    citing = [
        paper("survey", "A survey of topology for weavers.", "braids", "knots", last) if one.id == "survey" else one
        for one in papers()
    ]
    hits = [hit.document_id for hit in retriever.retrieve(question, view_of([*citing, *dough], retriever), 25)]
    assert len(set(hits)) == len(hits) == len(by_text) == 25, "each document once"
    assert hits.index(last) < 5


def test_scores_are_those_of_the_traversal_above_chance() -> None:
    retriever = docgraph()
    view = view_of(papers(), retriever)
    hits = retriever.retrieve(Query("weavers cross strands"), view, 5)
    cosines = view.vectors("dense") @ EMBEDDER.embed_queries(["weavers cross strands"])[0]
    numbers = view.document_numbers
    best = np.array([cosines[numbers == n].max() for n in range(5)], np.float32)
    lexical = LEXICAL.passage_scores("weavers cross strands", view)
    words = np.array([lexical[numbers == n].max() for n in range(5)])
    seeds = (best + 0.5 / lexical.max() * words).astype(np.float32)
    scores = Traversal(retriever.graph(view)).scores(seeds[None], DEFAULT_WEIGHTS)[0]
    likelier = np.log(5 * np.exp(scores) / np.exp(scores).sum())  # than one of the five at random
    assert {hit.document_id: hit.score for hit in hits} == pytest.approx(
        dict(zip(view.document_ids, likelier.tolist(), strict=True)), abs=1e-4
    )


def test_the_document_whose_title_is_asked_for_leads_what_belongs_with_it() -> None:
    retriever = docgraph()
    view = view_of(papers(), retriever)
    for document_id in view.document_ids:
        hits = retriever.retrieve(Query(f" {view.title(document_id).upper()}. "), view, 5)
        assert hits[0].document_id == document_id


def test_hits_are_the_best_passages_of_their_documents() -> None:
    retriever = docgraph()
    view = view_of(papers(), retriever)
    hits = retriever.retrieve(Query("weavers cross strands"), view, 5)
    cosines, numbers = (
        view.vectors("dense") @ EMBEDDER.embed_queries(["weavers cross strands"])[0],
        view.document_numbers,
    )
    for hit in hits:
        rows = np.flatnonzero(numbers == numbers[hit.row])
        assert cosines[hit.row] == cosines[rows].max()


def test_words_share_in_where_the_walk_starts_as_much_as_is_set() -> None:
    view, asked = view_of(papers(), docgraph()), ["yeast", "zzz"]
    cosines = docgraph(word_share=0).start_scores(asked, view)
    assert cosines.shape == (2, 5)
    for share in (0.5, 2.0):
        gained = docgraph(word_share=share).start_scores(asked, view) - cosines
        assert gained[0] == pytest.approx([0, 0, 0, 0, share], abs=1e-6)
        assert gained[1] == pytest.approx(0.0), "a word that stands nowhere moves nothing"


def test_without_a_share_of_words_no_scores_by_words_are_needed() -> None:
    with pytest.raises(ConfigError, match="no scores by words"):
        DocGraph(Config(), EMBEDDER, DENSE)
    assert len(DocGraph(Config(word_share=0), EMBEDDER, DENSE).start_scores(["yeast"], view_of(papers(), docgraph())))


def test_words_are_matched_as_the_chosen_lexical_retriever_does() -> None:
    assembly = Assembly(PluginHost.discover(third_party=False))
    whole: Any = assembly.build("retriever", use("docgraph", words=use("lexical", stemmer="none")))
    stemmed: Any = assembly.build("retriever", use("docgraph"))
    assert whole._words.terms("weaving") == ["weaving"]
    assert stemmed._words.terms("weaving") == ["weav"]


def test_a_filter_holds_and_the_walk_still_leads_over_what_it_leaves_out() -> None:
    retriever = docgraph()
    view = view_of(papers(), retriever)
    old = {"year": {"max": 1970}}
    free = {hit.document_id: hit.score for hit in retriever.retrieve(Query("survey for weavers"), view, 9)}
    kept = {hit.document_id: hit.score for hit in retriever.retrieve(Query("survey for weavers", filters=old), view, 9)}
    assert kept == {name: free[name] for name in ("braids", "knots")}


def test_where_nothing_is_cited_the_leg_is_silent() -> None:
    retriever = docgraph()
    view = view_of([paper("a", "Text.", "nowhere"), paper("b", "Text.")], retriever)
    assert retriever.retrieve(Query("text"), view, 5) == []
    assert retriever.structural(view).has_structure.tolist() == [False, False]


def test_a_document_without_passages_ties_others_together_but_is_no_hit() -> None:
    retriever = docgraph()
    hub = Document("hub", "A hub", (), {}, tuple(Reference(identifiers={"id": name}) for name in ("braids", "alone")))
    view = view_of([*papers(), hub], retriever)
    assert retriever.structural(view).has_structure.all()
    hits = retriever.retrieve(Query("yeast"), view, 9)
    assert sorted(hit.document_id for hit in hits) == sorted(document.id for document in papers())
    assert all(np.isfinite(hit.score) for hit in hits)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        "[1]",
        '{"weights": {"text": 1.0}, "scales": {"text": 1.0}}',
        json.dumps(
            {"weights": dict.fromkeys(DEFAULT_WEIGHTS.weights, float("nan")), "scales": dict(DEFAULT_WEIGHTS.scales)}
        ),
        json.dumps({"weights": dict(DEFAULT_WEIGHTS.weights), "scales": dict.fromkeys(DEFAULT_WEIGHTS.scales, 0.0)}),
    ],
    ids=["cut", "empty", "list", "incomplete", "nan", "zero"],
)
def test_damaged_weights_of_the_walk_are_refused(tmp_path: Path, content: str) -> None:
    retriever = docgraph()
    (tmp_path / TRAVERSAL).write_text(content)
    view = view_of(papers(), retriever, models={"docgraph": tmp_path})
    with pytest.raises(ModelError, match=r"traversal.json: the traversal weights cannot be read.*Fix: train again"):
        retriever.retrieve(Query("weavers"), view, 5)


def test_learnt_weights_of_the_walk_are_used(tmp_path: Path) -> None:
    retriever = docgraph()
    only_text = {
        "weights": dict.fromkeys(DEFAULT_WEIGHTS.weights, 0.0) | {"text": 1.0},
        "scales": dict.fromkeys(DEFAULT_WEIGHTS.scales, 1.0),
    }
    (tmp_path / TRAVERSAL).write_text(json.dumps(only_text))
    view = view_of(papers(), retriever, models={"docgraph": tmp_path})
    hits = retriever.retrieve(Query("yeast"), view, 5)
    assert hits[0].document_id == "alone"


@pytest.mark.parametrize(
    ("retrievers", "said"),
    [
        ([use("docgraph"), use("dense")], r"no text vectors 'dense'.*put use\('dense'\) before use\('docgraph'\)"),
        ([use("lexical"), use("docgraph")], r"no text vectors 'dense'.*Choices: lexical"),
        ([use("dense"), use("docgraph", relations=["likes"])], "relations"),
        ([use("dense"), use("docgraph", depth=0)], "depth"),
        ([use("dense"), use("docgraph", encoder="gcn")], "encoder"),
        ([use("dense"), use("docgraph", word_share=-1)], "word_share"),
        ([use("dense"), use("docgraph", words=use("dense"))], r"'words' is 'dense', which has no scores by words"),
        ([use("dense"), use("docgraph"), use("docgraph")], "both write the column 'docgraph'"),
    ],
)
def test_a_wrong_pipeline_is_an_error_that_says_what_to_write(tmp_path: Path, retrievers: list[Any], said: str) -> None:
    (tmp_path / "a.md").write_text("---\nid: a\n---\n\nText.\n")
    with (
        pytest.raises(ConfigError, match=said),
        open_index(tmp_path / "i", Pipeline(retrievers=tuple(retrievers))) as rag,
    ):
        rag.add(tmp_path / "a.md")


def test_without_term_counts_the_error_names_the_way_out(tmp_path: Path) -> None:
    for name, cites in (("a", "[]"), ("b", "[a]")):
        (tmp_path / f"{name}.md").write_text(f"---\nid: {name}\nreferences: {cites}\n---\n\nText of {name}.\n")
    wordless = [use("dense"), use("docgraph", encoder="propagation")]
    with open_index(tmp_path / "i", Pipeline(retrievers=tuple(wordless))) as rag:
        rag.add(tmp_path)
        with pytest.raises(ConfigError, match=r"no term counts 'lexical'.*use\('lexical'\).*word_share"):
            rag.retrieve("text")
    silent = Pipeline(retrievers=(use("dense"), use("docgraph", encoder="propagation", word_share=0)))
    with open_index(tmp_path / "i", silent) as rag:
        assert len(rag.retrieve("text")) == 2
