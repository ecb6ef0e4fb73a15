"""The fixtures that every project gets which has Plait installed."""

from __future__ import annotations

from collections.abc import Sequence

from plait.config import use
from plait.contracts import Document
from plait.hooks import Assembly, PluginHost
from plait.testing import sample_documents


def test_the_host_knows_what_is_installed(plait_host: PluginHost) -> None:
    assert "sections" in {registered.name for registered in plait_host.components("chunker")}


def test_what_one_test_built_the_next_one_shares(plait_assembly: Assembly, plait_host: PluginHost) -> None:
    assert plait_assembly.host is plait_host
    assert plait_assembly.build("chunker", use("sections")) is plait_assembly.build("chunker", use("sections"))


def test_the_documents_are_the_samples(plait_documents: Sequence[Document]) -> None:
    assert plait_documents == sample_documents()
