"""Retrieval along the document graph: what the nearest documents cite, and those that belong to them.

The retriever does two things. It gives every document a *structural vector*, made of its text and that of its
neighbours (:mod:`plait.gnn`), which a fusion such as ``gated`` joins with the text vector of each passage. And it is a
leg of its own: it walks from the documents whose text matches the question to those that they cite or are cited by
(:mod:`plait.docgraph.traversal`).

Both work without training, the vectors by changing nothing. ``plait train docgraph`` learns from the citations of the
index itself, and keeps what it learnt only if that finds held-out citations better than text does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from plait.config import Use, use
from plait.contracts import (
    Column,
    ColumnValues,
    Embedder,
    Hit,
    IndexView,
    IngestBatch,
    LexicalScores,
    Query,
    Retriever,
    Structural,
)
from plait.contracts.errors import ConfigError, IdentityError, IndexStoreError
from plait.docgraph.relations import GraphSettings, RelationName
from plait.gnn import TrainingSettings
from plait.retrievers.document_vectors import best_passages, document_vectors, mean_vectors
from plait.retrievers.graph_model import MODEL, encoder_digest, has_encoder, traversal_weights, walk_weights

if TYPE_CHECKING:
    from plait.docgraph import DocumentGraph
    from plait.docgraph.traversal import Traversal
    from plait.gnn.trained import GraphIdentity

__all__ = ["Config", "DocGraph"]

_NEEDED: tuple[RelationName, ...] = ("cites", "co_author")


class Config(GraphSettings, TrainingSettings):
    """Settings of ``docgraph``: how the graph is built, how it is encoded, how it is walked.

    Example:
        >>> Config(relations=["cites", "co_author"], epochs=5).encoder
        'sage'
    """

    relations: tuple[RelationName, ...] = Field(default=("cites", "cited_by", "co_author", "co_topic"), min_length=1)
    """Relations along which structural vectors are made."""
    encoder: Literal["sage", "rgcn", "hgt", "propagation"] = "sage"  # type: ignore[assignment]  # one choice more
    """``sage`` (residual GraphSAGE), ``rgcn``, ``hgt``; or ``propagation``, which spreads text and learns nothing."""
    teleport: float = Field(default=0.5, gt=0.0, le=1.0)
    """With ``propagation``: how much of its own text a document keeps in every step."""
    embedder: Use = use("minilm")
    """The encoder of the text vectors; the same as that of the retriever that makes them."""
    text: str = "dense"
    """The column of text vectors; its retriever stands before this one in the pipeline."""
    words: Use = use("lexical")
    """The lexical retriever whose scores share in choosing where the walk starts."""
    word_share: float = Field(default=0.5, ge=0.0)
    """How much the best match by words adds to its cosine; 0 starts from text vectors alone."""
    column: str = Field(default="docgraph", pattern=r"^[a-z][a-z0-9_]*$")
    """The index column that holds structural vectors; ``<column>.tied`` says which passages have any structure."""


class DocGraph:
    """Structural vectors, and a leg that walks the graph.

    Attributes:
        model: name of the trained model in the index.

    Args:
        config: the settings.
        embedder: the encoder named by ``config.embedder``.
        words: the retriever named by ``config.words``.

    Raises:
        ConfigError: ``words`` does not score passages by words, and ``word_share`` wants it to.
    """

    model = MODEL

    def __init__(self, config: Config, embedder: Embedder, words: Retriever) -> None:
        self.config = config
        self.embedder = embedder
        self._words = words if isinstance(words, LexicalScores) else None
        if config.word_share and self._words is None:
            raise ConfigError(
                f"'words' is {config.words.name!r}, which has no scores by words", where="retriever 'docgraph'",
                choices=("lexical",), fix="leave it out, or set word_share to 0",
            )  # fmt: skip

    @cached_property
    def graph_settings(self) -> GraphSettings:
        """How the graph is built: the relations of the vectors, and those that the walk and training need."""
        chosen = {name: getattr(self.config, name) for name in GraphSettings.model_fields}
        relations = dict.fromkeys((*self.config.relations, *_NEEDED))
        return GraphSettings(**{**chosen, "relations": tuple(relations)})

    @cached_property
    def training_settings(self) -> TrainingSettings | None:
        """How the encoder is trained; None for ``propagation``, which has nothing to learn."""
        if self.config.encoder == "propagation":
            return None
        return TrainingSettings(**{name: getattr(self.config, name) for name in TrainingSettings.model_fields})

    @property
    def structure_column(self) -> str:
        """The index column of structural vectors; beside it stands ``<column>.tied``."""
        return self.config.column

    @property
    def columns(self) -> Sequence[Column]:
        """Structural vectors, as wide as the text's; and 1 where a passage's document has any neighbour, else 0."""
        name = self.config.column
        return (Column(name, "vector", self.embedder.dimension), Column(f"{name}.tied", "number"))

    def fingerprint(self) -> Mapping[str, Any]:
        """Text encoder, graph and encoder; the trained weights are noted by the index itself."""
        config = self.config
        kind: dict[str, Any] = {"name": config.encoder, "depth": config.depth, "relations": list(config.relations)}
        if config.encoder == "propagation":
            kind["teleport"] = config.teleport
        return {
            "embedder": dict(self.embedder.fingerprint()),
            "graph": self.graph_settings.model_dump(mode="json"),
            "encoder": kind,
        }

    def structure_identity(self, view: IndexView) -> Mapping[str, Any]:
        """What the structural vectors of a view were made by (JSON): graph, encoder with its weights, text encoder."""
        return {**self.fingerprint(), "weights": encoder_digest(view.model(MODEL))}

    def trained(self, view: IndexView) -> bool:
        """Whether they were made by an encoder that ``plait train docgraph`` has taught."""
        return has_encoder(view)

    def encoder_identity(self) -> GraphIdentity:
        """What a trained encoder must have been trained with to be used here."""
        from plait.gnn.trained import GraphIdentity

        graph = self.graph_settings.model_dump(mode="json")
        return GraphIdentity(tuple(self.config.relations), graph, self.embedder.fingerprint())

    def encode(self, batch: IngestBatch) -> Mapping[str, ColumnValues]:
        """What passages have before their documents are linked: the text vector of their document, tied to nothing.

        Raises:
            ConfigError: no retriever before this one has filled the column of text vectors.
        """
        config = self.config
        if config.text not in batch.columns:
            raise ConfigError(
                f"there are no text vectors {config.text!r} for the graph to start from",
                where="retriever 'docgraph'",
                choices=sorted(batch.columns),
                fix="put use('dense') before use('docgraph') in the pipeline",
            )
        text = np.asarray(batch.columns[config.text], dtype=np.float32).reshape(-1, self.embedder.dimension)
        places = {document.id: number for number, document in enumerate(batch.documents)}
        numbers = np.array([places[passage.document_id] for passage in batch.passages], dtype=np.int64)
        means, _ = mean_vectors(text, numbers, len(places))
        return {config.column: means[numbers], f"{config.column}.tied": np.zeros(len(numbers))}

    def encode_corpus(self, view: IndexView) -> Mapping[str, ColumnValues]:
        """Structural vectors of all passages, each that of its document.

        Raises:
            IdentityError: the trained encoder was trained with another graph or text encoder.
        """
        found = self.structural(view)
        numbers = view.document_numbers
        name = self.config.column
        return {name: found.vectors[numbers], f"{name}.tied": found.has_structure[numbers].astype(np.float64)}

    def structural(self, view: IndexView) -> Structural:
        """Structural vectors of all documents, by the trained encoder where there is one.

        Without one they are the text's, or, with ``propagation``, the closed form.

        Raises:
            IdentityError: what is trained is another encoder, or was trained with another graph or text encoder.
            ModelError: its files are damaged.
        """
        from plait.gnn.encoders import Propagation
        from plait.gnn.sampling import NeighbourSampler
        from plait.gnn.trained import encode, load

        graph, text = self.graph(view), self.text_vectors(view)
        if not len(text):
            return Structural(text, np.zeros(0, np.bool_))
        folder = view.model(MODEL)
        if folder is not None and has_encoder(view):
            loaded = load(folder, self.encoder_identity(), device=self.config.device)
            kind, wanted = ((made.encoder, made.depth) for made in (loaded.settings, self.config))
            if kind != wanted:
                # The fusion beside it was fitted to its vectors, and would read those of another encoder wrongly.
                raise IdentityError(
                    f"the trained graph encoder is {kind[0]!r} of depth {kind[1]}, not {wanted[0]!r} of depth "
                    f"{wanted[1]}",
                    where=str(folder),
                    fix="train again, or go back to what it was trained with",
                )
            return loaded.encode(graph, text)
        if self.config.encoder == "propagation":
            closed = Propagation(depth=self.config.depth, teleport=self.config.teleport)
            return encode(closed, graph, text, self.config.relations)
        return Structural(text, NeighbourSampler(graph, self.config.relations).tied)

    def graph(self, view: IndexView) -> DocumentGraph:
        """The graph of a view; kept by it."""
        from plait.docgraph.graph import graph_of_view

        settings = self.graph_settings
        key = f"docgraph:{settings.model_dump_json()}"
        return view.derived(key, lambda: graph_of_view(view, settings, facts=view.edges()))

    def text_vectors(self, view: IndexView) -> NDArray[np.float32]:
        """Text vectors of all documents, shape (documents, dimension); kept by the view."""
        return document_vectors(view, self.config.text, self.embedder.embed_passages)

    def retrieve(self, query: Query, view: IndexView, k: int) -> Sequence[Hit]:
        """The best passage of each of the k best documents by traversal; none where no document cites another."""
        if not len(view) or k < 1 or not len(self.graph(view).relations["cites"].source):
            return []
        cosines = np.vecdot(view.vectors(self.config.text), self.embedder.embed_queries([query.text])[0])
        allowed = view.allowed(query.filters)
        by_text, rows = best_passages(cosines, view.document_numbers, len(view.document_ids))
        start = self._blended(by_text, query.text, view)
        walk = self.traversal(view)
        scores = walk.above_chance(walk.scores(start[None], traversal_weights(view))[0])  # (documents,)
        # Who asks by a title asks for that document first, and for what belongs with it.
        scores[list(self._titled(query, view))] = np.nextafter(scores.max(), np.float32(np.inf))
        if allowed is not None:
            # Filters say what may be found; the walk may still lead over other documents.
            shown = np.where(allowed, cosines, -np.inf).astype(np.float32)
            _, rows = best_passages(shown, view.document_numbers, len(view.document_ids))
        found = np.flatnonzero(rows >= 0)
        best = found[np.argsort(-scores[found], kind="stable")[:k]]
        return view.hits(rows[best], scores[best])

    def earned_weight(self, query: Query, view: IndexView) -> float:
        """What the walk counts in the fusion, by what ``plait train docgraph`` has found; 0 where it kept none.

        Hidden references are found by titles, so what they showed holds in full for a question that is the title of a
        document, which asks for what belongs with it. For any other question the walk counts little.

        Raises:
            ModelError: what it left is damaged.
        """
        earned = walk_weights(view)
        return earned.titles if self._titled(query, view) else earned.questions

    def _titled(self, query: Query, view: IndexView) -> Sequence[int]:
        """Numbers of the documents whose title the question is."""
        from plait.docgraph.normalisation import title_key

        def titles() -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for number, document_id in enumerate(view.document_ids):
                found.setdefault(title_key(view.title(document_id)), []).append(number)
            found.pop("", None)
            return found

        return view.derived("documents by title", titles).get(title_key(query.text), ())

    def start_scores(self, texts: Sequence[str], view: IndexView) -> NDArray[np.float32]:
        """Where a walk for each of some questions starts: scores of all documents, shape (texts, documents).

        Raises:
            ConfigError: no retriever of the pipeline has filled the column of term counts.
        """
        passages, count = view.vectors(self.config.text), len(view.document_ids)
        scores = np.empty((len(texts), count), dtype=np.float32)
        for row, (text, vector) in enumerate(zip(texts, self.embedder.embed_queries(texts), strict=True)):
            by_text, _ = best_passages(np.vecdot(passages, vector), view.document_numbers, count)
            scores[row] = self._blended(by_text, text, view)
        return scores

    def _blended(self, cosines: NDArray[np.float32], text: str, view: IndexView) -> NDArray[np.float32]:
        """Cosine, and a share of the score by words whose best is 1. Shape (documents,), as ``cosines``."""
        words = self._words
        if words is None or not self.config.word_share:
            return cosines
        try:
            passages = words.passage_scores(text, view)
        except IndexStoreError as error:
            columns = ", ".join(repr(column.name) for column in words.columns)
            raise ConfigError(
                f"there are no term counts {columns} to choose by where the walk starts",
                where="retriever 'docgraph'",
                fix="put use('lexical') among the retrievers and run 'plait index rebuild', or set word_share to 0",
            ) from error
        lexical, _ = best_passages(passages, view.document_numbers, len(view.document_ids))
        highest = max(float(passages.max(initial=0.0)), 1e-6)
        blended: NDArray[np.float32] = cosines + np.float32(self.config.word_share / highest) * lexical
        return blended

    def traversal(self, view: IndexView) -> Traversal:
        """The graph of a view made ready to be walked; kept by it."""
        from plait.docgraph.traversal import Traversal

        return view.derived(f"traversal:{self.graph_settings.model_dump_json()}", lambda: Traversal(self.graph(view)))
