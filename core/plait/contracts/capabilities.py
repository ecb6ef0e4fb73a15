"""What a part may offer beyond its kind: what explaining, training, structure and calibration look for.

A retriever needs :class:`~plait.contracts.Retriever` alone, and so on for every kind. What more it can do it says by
having the members of one of these protocols; nobody asks for a class by name, so that a third party's part counts as
much as one that comes with Plait. The checks are ``isinstance`` on protocols, which before Python 3.12 read every
property: what is expensive, or can fail, is a method.

Kinds are cut small: a part that gives vectors need not learn anything, and one that ties documents together need not
be trainable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plait.contracts.fusion import Fusion, Ranker, VectorFusion
from plait.contracts.generator import EmbeddingSpace, Generator, StructureGenerator
from plait.contracts.passage import Embedder, Hit
from plait.contracts.query import Query
from plait.contracts.retriever import CorpusColumns, IndexView, Retriever

__all__ = [
    "EarnsWeight",
    "FittedFusion",
    "Fold",
    "HasEmbedder",
    "LateInteraction",
    "LearntColumns",
    "LexicalScores",
    "OwnWeight",
    "ScoringGenerator",
    "ScoringModel",
    "Structural",
    "StructureLearner",
    "StructureSource",
    "TokenVectors",
    "TrainableFusion",
    "TrainableStructure",
    "VectorSearch",
    "WeighsRuns",
    "WeightedFusion",
]


@runtime_checkable
class HasEmbedder(Protocol):
    """Of a retriever or fusion that embeds questions, with an encoder that others may use too."""

    @property
    def embedder(self) -> Embedder:
        """The encoder of questions, and of the text of passages."""
        ...


@runtime_checkable
class TokenVectors(Protocol):
    """Of an encoder that gives a vector for every token of a text, for late interaction."""

    @property
    def token_dimension(self) -> int:
        """Width of the vectors of tokens."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """All that decides where a token lands (JSON)."""
        ...

    def embed_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"], /) -> Sequence[NDArray[np.float32]]:
        """Vectors of length 1 of each text's tokens, one array (tokens, token_dimension) a text.

        Tokens that say nothing, such as punctuation, may be left out; a text without others has no rows.

        Raises:
            ModelError: the model gave no usable vector for a token; the message says for which text.
        """
        ...


@runtime_checkable
class LateInteraction(Ranker, Protocol):
    """A ranker by the tokens of question and passage, whose questions ``plait train late`` can teach."""

    @property
    def encoder(self) -> TokenVectors:
        """Of question and passages."""
        ...


@runtime_checkable
class VectorSearch(HasEmbedder, Protocol):
    """Of a retriever or vector fusion that ranks passages by the cosine of one column with the embedded question.

    A retriever of this kind holds the text vectors by which hits are explained, and its questions can be adapted by
    ``plait train retriever``: what that leaves in the index is applied by
    :func:`plait.retrievers.query_adapter.adapted`.
    """

    @property
    def vector_column(self) -> str:
        """The index column of vectors."""
        ...

    def made_by(self, view: IndexView, /) -> Mapping[str, Any]:
        """What the vectors of a view were made by beside the embedder (JSON); empty where by nothing else."""
        ...

    def adapted(self, vector: NDArray[np.float32], view: IndexView, /) -> NDArray[np.float32]:
        """A question's vector as the column is searched with it, shape (dimension,); unchanged where nothing is learnt.

        Raises:
            IdentityError: what was learnt belongs to another embedder, or to other vectors.
            ModelError: its file is damaged.
        """
        ...


@runtime_checkable
class LexicalScores(Retriever, Protocol):
    """A retriever that scores every passage by the words that it shares with a text."""

    def passage_scores(self, text: str, view: IndexView, /) -> NDArray[np.float32]:
        """Scores of all rows, shape (rows,), 0 where no word is shared.

        Raises:
            IndexStoreError: the index lacks the column that they are worked out from.
        """
        ...


@runtime_checkable
class EarnsWeight(Retriever, Protocol):
    """A retriever that has no say in the fusion until it was shown, on the index itself, that it helps."""

    def earned_weight(self, query: Query, view: IndexView, /) -> float:
        """What its run counts for a question where that of others counts 1; 0 as long as nothing was shown.

        A run of weight 0 is looked at and shown, but not fused: the fused list is what it is without this retriever.
        Where the settings of the fusion give it a weight of its own, that one counts.
        """
        ...


@runtime_checkable
class OwnWeight(Retriever, Protocol):
    """A retriever whose run holds more than one kind of evidence, and counts as much."""

    def own_weight(self, view: IndexView, /) -> float:
        """What its run counts in a fusion where that of any other counts 1, if the fusion's settings say nothing."""
        ...


@runtime_checkable
class LearntColumns(CorpusColumns, Protocol):
    """Columns that a trained model takes part in: where it cannot be used, it is taken out of use, and not them."""

    @property
    def model(self) -> str:
        """Name of the trained model in the index."""
        ...


@dataclass(frozen=True, slots=True)
class Structural:
    """Vectors of length 1, shape (documents, dimension), and which documents have any structure.

    Where ``has_structure`` is False the vector is the text feature itself.
    """

    vectors: NDArray[np.float32]
    has_structure: NDArray[np.bool_]


@runtime_checkable
class StructureSource(HasEmbedder, Protocol):
    """Of a retriever that ties documents together: it has a graph of them, and makes structural vectors of it.

    The graph and its settings are those of :mod:`plait.docgraph`, which contracts cannot name: hence ``Any``.
    """

    @property
    def graph_settings(self) -> Any:
        """How the graph is built: a :class:`plait.docgraph.GraphSettings`."""
        ...

    @property
    def structure_column(self) -> str:
        """The index column of structural vectors, one per passage: that of its document.

        A column of numbers ``<structure_column>.tied`` stands beside it: above 0 where the document is tied to another.
        """
        ...

    def graph(self, view: IndexView, /) -> Any:
        """The graph of a view: a :class:`plait.docgraph.DocumentGraph` in the order of ``view.document_ids``."""
        ...

    def structural(self, view: IndexView, /) -> Structural:
        """Structural vectors of all documents, in the order of ``view.document_ids``.

        Raises:
            IdentityError: what is trained was trained with another graph or text encoder.
            ModelError: its files are damaged.
        """
        ...

    def structure_identity(self, view: IndexView, /) -> Mapping[str, Any]:
        """What the structural vectors of a view were made by (JSON): graph, encoder with its weights, text encoder."""
        ...

    def trained(self, view: IndexView, /) -> bool:
        """Whether they were made by an encoder that was trained on this index."""
        ...


@runtime_checkable
class TrainableStructure(StructureSource, Protocol):
    """A source of structure that ``plait train docgraph`` can teach.

    The result is one trained model in the index, :data:`plait.retrievers.graph_model.MODEL`, with the files that
    :mod:`plait.retrievers.graph_model` names.
    """

    @property
    def training_settings(self) -> Any:
        """How the encoder is trained: a :class:`plait.gnn.TrainingSettings`; None where nothing is learnt."""
        ...

    def encoder_identity(self) -> Any:
        """What a trained encoder must belong to, to be used here: a :class:`plait.gnn.trained.GraphIdentity`."""
        ...

    def text_vectors(self, view: IndexView, /) -> NDArray[np.float32]:
        """What the encoder reads: text vectors of all documents, of length 1, shape (documents, dimension)."""
        ...

    def start_scores(self, texts: Sequence[str], view: IndexView, /) -> NDArray[np.float32]:
        """Where a walk along the graph starts: scores of all documents for some texts, shape (texts, documents).

        -inf for documents without passages.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fold:
    """Links to predict, pairs of document numbers of shape (k, 2), and structure that was computed without them."""

    structure: Structural
    pairs: NDArray[np.int64]


class FittedFusion(Protocol):
    """A vector fusion that was trained and is not in use yet."""

    def fuse(self, text: NDArray[np.float32], structure: Structural, /) -> NDArray[np.float32]:
        """Fused vectors of length 1, shape of ``text``; rows without structure are their text, bit for bit."""
        ...

    def save(self, folder: Path, /) -> None:
        """Writes it into the folder of a trained model, beside the graph encoder that it was trained with."""
        ...


@runtime_checkable
class TrainableFusion(VectorFusion, Protocol):
    """A vector fusion of text and structure that ``plait train docgraph`` can teach."""

    def fit(
        self, text: NDArray[np.float32], folds: Sequence[Fold], *, seed: int = 0, device: str = "cpu"
    ) -> FittedFusion:
        """Trains a new fusion to predict links; deterministic under a seed.

        Args:
            text: text vectors of all documents, of length 1, shape (documents, dimension).
            folds: links, each with structure that does not know them.
            seed: of everything random.
            device: what computes, as torch names it.
        """
        ...


@runtime_checkable
class WeightedFusion(Fusion, Protocol):
    """A fusion of ranks that gives each retriever a weight."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Retriever label -> weight, of those whose weight is set; 0 leaves a retriever out."""
        ...


@runtime_checkable
class WeighsRuns(Fusion, Protocol):
    """A fusion that takes into account how much each run counts; to any other all that are fused count alike."""

    def fuse_weighted(
        self, query: Query, runs: Mapping[str, Sequence[Hit]], k: int, weights: Mapping[str, float]
    ) -> Sequence[Hit]:
        """As :meth:`~plait.contracts.Fusion.fuse`, each run's share multiplied by its weight.

        Args:
            query: the question.
            runs: hits of each retriever, best first.
            k: how many hits to keep.
            weights: label -> weight above 0, see :class:`EarnsWeight`; 1 for a run that is not named. With all at 1 the
                result is that of ``fuse``. A weight that the fusion's settings give to a run comes before it.
        """
        ...


class ScoringModel(Protocol):
    """A causal language model in this process, through which gradients pass."""

    @property
    def name(self) -> str:
        """For messages and reports."""
        ...

    @property
    def model(self) -> Any:
        """A :class:`transformers.PreTrainedModel` that predicts the next token."""
        ...

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of transformers that belongs to it."""
        ...

    @property
    def window(self) -> int | None:
        """Most tokens that it reads, None without a limit."""
        ...

    @property
    def space(self) -> EmbeddingSpace:
        """Where its token embeddings live."""
        ...

    @property
    def carries_state(self) -> bool:
        """Whether it carries a state along the prompt, so that a beginning cannot be read once for several."""
        ...

    def embed(self, tokens: Any, /) -> Any:
        """Token numbers, an integer tensor (rows, length), to embeddings (rows, length, width)."""
        ...


@runtime_checkable
class ScoringGenerator(Generator, Protocol):
    """A backend whose causal language model tells how likely given answers are, and so can teach a retriever.

    Where it is an :class:`~plait.contracts.EmbeddingGenerator` too, ``plait train reader`` can teach it soft tokens.
    """

    def scoring_model(self) -> ScoringModel:
        """The model, loaded where it is not yet.

        Raises:
            ModelError: it cannot be loaded.
        """
        ...


@runtime_checkable
class StructureLearner(StructureGenerator, Protocol):
    """A backend that reads structural vectors itself and can be taught to, and that tells how likely answers are.

    What it hands out are parts for :mod:`plait.fusion.tokens`, made of torch, which contracts cannot name.
    """

    def untrained(self, width: int, seed: int = 0) -> Any:
        """A :class:`plait.fusion.tokens.answer_reader.StructureReader` that has learnt nothing yet.

        Args:
            width: of the structural vectors.
            seed: of its new weights.

        Raises:
            ConfigError: the settings tell of another width.
            ModelError: the model cannot be loaded.
        """
        ...

    def answer_reader(self) -> Any:
        """A :class:`plait.fusion.tokens.answer_reader.AnswerReader`, which reads text alone.

        Raises:
            ModelError: the model cannot be loaded.
        """
        ...
