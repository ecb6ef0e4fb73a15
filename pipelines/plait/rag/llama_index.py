"""A Plait pipeline inside LlamaIndex: as a retriever, and as a query engine whose answers keep their citations.

Importing this module needs ``llama-index-core``; nothing else in Plait imports it.

Example:
    .. code-block:: python

        from plait.rag import open_index
        from plait.rag.llama_index import PlaitQueryEngine, PlaitRetriever

        with open_index("papers.plait") as rag:
            nodes = PlaitRetriever(rag, k=5).retrieve("Who trains with hard negatives?")
            print(PlaitQueryEngine(rag).query("Who trains with hard negatives?"))
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from plait.contracts import Answer, Hit, IndexView, Query
from plait.rag.session import Rag

__all__ = ["PlaitQueryEngine", "PlaitRetriever", "node_of"]


class PlaitRetriever(BaseRetriever):
    """The retrievers and the fusion of a pipeline as one LlamaIndex retriever.

    Every call gives new nodes, so that a postprocessor which changes one changes nobody else's.

    Args:
        rag: an open index.
        k: how many passages.
        filters: conditions on metadata, as in :class:`plait.contracts.Query`.
    """

    def __init__(self, rag: Rag, k: int = 10, filters: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._rag = rag
        self._k = k
        self._filters = dict(filters or {})

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._rag.retrieve_all(Query(query_bundle.query_str, filters=self._filters), self._k)
        return [node_of(hit, found.view) for hit in found.fused]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # The work is the processor's: a thread of its own keeps the event loop free.
        return await asyncio.to_thread(self._retrieve, query_bundle)


class PlaitQueryEngine(BaseQueryEngine):
    """A whole pipeline as a LlamaIndex query engine.

    The response's text is the checked answer with its marks; ``source_nodes`` are the cited passages, in order of
    citation; ``metadata`` holds the sentences, the citations with quotes and spans, and whether the question was
    declined.

    Args:
        rag: an open index.
        filters: conditions on metadata, as in :class:`plait.contracts.Query`.
    """

    def __init__(self, rag: Rag, filters: Mapping[str, Any] | None = None) -> None:
        super().__init__(callback_manager=CallbackManager([]))
        self._rag = rag
        self._filters = dict(filters or {})

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """What the pipeline finds, without an answer."""
        return PlaitRetriever(self._rag, filters=self._filters).retrieve(query_bundle)

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._rag.ask(Query(query_bundle.query_str, filters=self._filters))
        opened = next(stage for stage in answer.trace.stages if stage.name == "open")
        # Rows of hits hold in the snapshot that was searched; a newer one may have come since.
        return _response(answer, self._rag.index.view(opened.detail["commit"]))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def node_of(hit: Hit, view: IndexView) -> NodeWithScore:
    """A new node for a hit.

    Its id is the passage's, its metadata are the document's id and title and the passage's place, the same in every
    call; the document's own metadata stand under their names where these are free. None of it is shown to an embedder.
    """
    passage = view.passage(hit.row)
    own = {
        "document_id": hit.document_id,
        "title": view.title(hit.document_id),
        "passage_id": passage.id,
        "start": passage.start,
        "end": passage.end,
        "kind": passage.kind,
    }
    # Copied to the leaves: the lists in it are the view's own, which every other reader of this snapshot sees.
    given = copy.deepcopy(dict(view.metadata(hit.document_id)))
    metadata = {**{name: value for name, value in given.items() if name not in own}, **own}
    node = TextNode(
        id_=passage.id,
        text=passage.text,
        metadata=metadata,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        excluded_embed_metadata_keys=sorted(metadata),
        excluded_llm_metadata_keys=sorted(metadata.keys() - {"title"}),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.document_id)},
    )
    return NodeWithScore(node=node, score=hit.score)


def _response(answer: Answer, view: IndexView) -> Response:
    hits = {hit.passage_id: hit for hit in answer.hits}
    cited = dict.fromkeys(citation.passage_id for citation in answer.citations)
    nodes = [node_of(hits[passage_id], view) for passage_id in cited if passage_id in hits]
    sentences = [
        {
            "text": sentence.text,
            "supported": sentence.supported,
            "reason": sentence.reason,
            "citations": [
                {
                    "number": citation.number,
                    "document_id": citation.span.document_id,
                    "start": citation.span.start,
                    "end": citation.span.end,
                    "quote": citation.quote,
                    "score": citation.score,
                }
                for citation in sentence.citations
            ],
        }
        for sentence in answer.sentences
    ]
    return Response(
        answer.text, nodes, {"declined": answer.declined, "finish_reason": answer.finish_reason, "sentences": sentences}
    )
