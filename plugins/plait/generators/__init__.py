"""The generators that come with Plait. Importing this package loads no model library."""

from plait.hooks import Component, hookimpl

__all__ = ["plait_components"]


@hookimpl
def plait_components() -> list[Component]:
    """Declares every built-in generator; ``extractive`` is the default."""
    return [
        Component(
            "generator",
            "extractive",
            factory="plait.generators.extractive:Extractive",
            config="plait.generators.extractive:Config",
            summary="picks and joins the sentences of the evidence that answer; needs no language model",
            extra="plait[models]",
            parts={"embedder": "embedder"},
            capabilities={"streaming": True, "verbatim": True},
        ),
        Component(
            "generator",
            "transformers",
            factory="plait.generators.local.generator:Transformers",
            config="plait.generators.local.generator:Config",
            summary="a causal language model in this process: SmolLM2-135M from its package, or any by id or folder",
            extra="plait[models]",
            capabilities={"streaming": True, "batch": True, "async": True, "embeddings": True},
        ),
        Component(
            "generator",
            "openai-compatible",
            factory="plait.generators.openai.generator:OpenAICompatible",
            config="plait.generators.openai.generator:Config",
            summary="any server of the OpenAI protocol, by its address; keys come from the environment",
            extra="plait[http]",
            capabilities={"streaming": True, "batch": True, "async": True, "remote": True},
        ),
        Component(
            "generator",
            "llama-index",
            factory="plait.generators.llama_index:LlamaIndexGenerator",
            config="plait.generators.llama_index:Config",
            summary="any language model of LlamaIndex, by module and class",
            extra="plait[llama-index]",
            capabilities={"streaming": True, "async": True},
        ),
        Component(
            "generator",
            "vllm-server",
            factory="plait.generators.vllm.server:VllmServer",
            config="plait.generators.vllm.server:Config",
            summary="a vLLM server by its address: openai-compatible, and prompt embeddings, exact counts, its window",
            extra="plait[http]",
            capabilities={"streaming": True, "batch": True, "async": True, "embeddings": True, "remote": True},
        ),
        Component(
            "generator",
            "vllm",
            factory="plait.generators.vllm.generator:Vllm",
            config="plait.generators.vllm.generator:Config",
            summary="vLLM in this process, in an environment of its own: batches, prompt embeddings, choices, JSON",
            extra="plait[vllm]",
            capabilities={"streaming": True, "batch": True, "async": True, "embeddings": True, "environment": "vllm"},
        ),
    ]
