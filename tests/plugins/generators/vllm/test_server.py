"""The vLLM client without vLLM: what it sends, and whom it trusts. tests/vllm has the real server."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch

from plait.contracts import EmbeddingGenerator, GenerationRequest, Message, Query, Slot
from plait.contracts.errors import ConfigError, GenerationError
from plait.generators.vllm.server import Config, VllmServer
from plait.testing.chat_server import ANSWER, chat_server, piece

END = "<end>"
TURNS = (Message("user", "[1] Three strands hold.\nHow many?", (Slot(4, 1),)),)


def _request(**settings):
    return GenerationRequest(Query("q"), (), TURNS, **{"max_tokens": 64, **settings})


def _text(generator, **settings):
    return "".join(chunk.text for chunk in generator.stream(_request(**settings)))


@pytest.fixture
def server():
    with chat_server() as running:
        yield running


def _client(server, **settings):
    return VllmServer(Config(base_url=server.url, **{"retries": 0, **settings}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, chat_model):
    return chat_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def chat_model():
    """Writes a small model with a chat template into a folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    def write(place):
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, END])}, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
        wrapped.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
        wrapped.save_pretrained(place)
        torch.manual_seed(0)
        config = LlamaConfig(vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                             num_attention_heads=4, num_key_value_heads=2,
                             bos_token_id=None, eos_token_id=256)  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(place)
        return place

    return write


@pytest.fixture
def soft(server, folder):
    return _client(server, soft_tokens=2, local_model=str(folder))


def _sent(server):
    return [turn for turn in server.answers() if turn.body.get("stream")]


# What it sends


def test_the_window_and_the_counts_are_the_servers(server):
    generator = _client(server)
    assert (generator.context_tokens, generator.count_tokens(TURNS)) == (4096, 6)


@pytest.mark.parametrize("window", [True, 0, -1, "4096", [4096]])
def test_a_window_that_is_no_number_of_tokens_is_none(server, monkeypatch, window):
    async def models(exchange, url, body=None):
        return {"data": [{"id": "parrot", "max_model_len": window}]}

    monkeypatch.setattr("plait.generators.openai.client.Client.fetch", models)
    assert _client(server).context_tokens is None


@pytest.mark.parametrize("count", [True, -3, "6", None, {"a": 1}])
def test_a_count_that_is_none_is_not_taken_for_one(server, monkeypatch, count):
    async def fetched(exchange, url, body=None):
        return {"count": count} if body else {"data": [{"id": "parrot"}]}

    monkeypatch.setattr("plait.generators.openai.client.Client.fetch", fetched)
    with pytest.raises(GenerationError, match="no /tokenize"):
        _client(server).count_tokens(TURNS)


def test_choices_and_schemas_go_the_servers_own_way(server):
    generator = _client(server)
    assert _text(generator, choices=("yes", "no")) == "yes"
    assert _sent(server)[0].body["structured_outputs"] == {"choice": ["yes", "no"]}
    assert "response_format" not in _sent(server)[0].body


def test_all_stop_strings_are_sent(server):
    _text(_client(server), stop=list("ABCDEFG"))
    assert _sent(server)[0].body["stop"] == list("ABCDEFG")


def test_without_soft_tokens_slots_mean_nothing(server):
    assert _text(_client(server)) == ANSWER
    assert _sent(server)[0].path == "/v1/chat/completions"


def test_slots_without_vectors_and_with_zeros_send_the_same_token_numbers(server, soft):
    zeros = {1: np.zeros((2, 32), dtype=np.float32)}
    _text(soft)
    _text(soft, soft_tokens=zeros)
    plain, zeroed = _sent(server)
    assert plain.path == "/v1/completions"
    assert plain.body["prompt"] == zeroed.body["prompt"]
    assert len(plain.body["prompt"]) == len(TURNS[0].content) + 1 + 2 == soft.count_tokens(TURNS)
    assert "prompt_embeds" not in zeroed.body


def test_soft_tokens_are_sent_as_the_models_own_rows_with_vectors_added(server, soft):
    vectors = np.arange(64, dtype=np.float32).reshape(2, 32) / 64
    _text(soft, soft_tokens={1: vectors})
    _text(soft)
    embedded, plain = _sent(server)
    rows = torch.load(io.BytesIO(base64.b64decode(embedded.body["prompt_embeds"])), weights_only=True).numpy()
    own = soft._local.embedded(plain.body["prompt"])
    changed = np.flatnonzero((rows != own).any(axis=1))
    assert changed.tolist() == [4, 5]
    assert np.array_equal(rows[[4, 5]], own[[4, 5]] + vectors)


def test_it_takes_embeddings_when_told_how_many(server, soft):
    assert isinstance(soft, EmbeddingGenerator)
    assert (soft.soft_tokens, soft.embedding_space().width) == (2, 32)
    assert _client(server).soft_tokens == 0


def test_the_space_is_that_of_the_transformers_generator(soft, folder):
    from plait.generators.local.generator import Config as Local
    from plait.generators.local.generator import Transformers

    assert soft.embedding_space() == Transformers(Local(model=str(folder), dtype="float32")).embedding_space()


BAD = {
    "wrong width": np.zeros((2, 31), dtype=np.float32),
    "wrong number": np.zeros((1, 32), dtype=np.float32),
    "not a number": np.full((2, 32), np.nan, dtype=np.float32),
    "infinite": np.full((2, 32), np.inf, dtype=np.float32),
    "too large": np.full((2, 32), 1e30, dtype=np.float32),
    "wrong kind": np.zeros((2, 32), dtype=np.float64),
    "one dimension": np.zeros(64, dtype=np.float32),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_soft_tokens_never_leave_the_machine(server, soft, kind):
    with pytest.raises(GenerationError):
        _text(soft, soft_tokens={1: BAD[kind]})
    assert server.turns == []


def test_a_penalty_beside_soft_tokens_is_refused(server, folder):
    with pytest.raises(ConfigError, match="repetition_penalty"):
        _client(server, soft_tokens=1, local_model=str(folder), extra={"repetition_penalty": 1.1})


def test_an_unknown_model_is_answered_with_those_served(server):
    server.faults = [lambda turn, reply: reply.whole(404, {"error": {"message": "The model does not exist."}})]
    with pytest.raises(GenerationError) as caught:
        _text(_client(server, model="cockatoo"))
    assert caught.value.choices == ("parrot",)


# Whom it trusts


def _fixed_prompts(server):
    return [turn for turn in server.answers() if not turn.body.get("stream")]


def test_the_fixed_prompt_is_asked_once_while_all_goes_well(server):
    generator = _client(server)
    for _ in range(3):
        _text(generator)
    assert len(_fixed_prompts(server)) == 1


def _dies(turn, reply):
    reply.head()
    reply.send(piece("Three"))


def test_after_a_failure_a_sane_server_is_asked_again_and_goes_on(server):
    generator = _client(server)
    _text(generator)
    server.faults = [_dies]
    with pytest.raises(GenerationError, match="ended before"):
        _text(generator)
    assert _text(generator) == ANSWER
    assert len(_fixed_prompts(server)) == 2


def test_after_a_failure_a_damaged_server_is_refused_until_it_answers_as_before(server):
    generator = _client(server)
    _text(generator)
    sane, server.continuation = server.continuation, "!!!!!!!!"
    server.faults = [_dies]
    with pytest.raises(GenerationError, match="ended before"):
        _text(generator)
    for _ in range(2):
        with pytest.raises(GenerationError, match="no longer answers a fixed prompt") as caught:
            _text(generator)
        assert "restart the server" in caught.value.fix
    with pytest.raises(GenerationError, match="no longer answers"):
        generator.check_health()
    assert len(_sent(server)) == 2
    server.continuation = sane
    assert _text(generator) == ANSWER


def test_a_refusal_says_nothing_about_the_engine(server):
    generator = _client(server)
    _text(generator)
    server.faults = [lambda turn, reply: reply.whole(400, {"error": {"message": "no"}})]
    with pytest.raises(GenerationError):
        _text(generator)
    _text(generator)
    assert len(_fixed_prompts(server)) == 1


def test_health_can_be_asked_for(server):
    _client(server).check_health()
