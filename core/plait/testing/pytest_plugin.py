"""Pytest fixtures for plugin authors, active wherever Plait is installed.

Plait is imported only when a fixture is used, so that other projects' test runs do not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from plait.contracts import Document
    from plait.hooks import Assembly, PluginHost

__all__ = ["plait_assembly", "plait_documents", "plait_host"]

pytest.register_assert_rewrite("plait.testing.conformance")


@pytest.fixture(scope="session")
def plait_host() -> PluginHost:
    """All installed plugins, discovered once a session."""
    from plait.hooks import PluginHost

    return PluginHost.discover()


@pytest.fixture(scope="session")
def plait_assembly(plait_host: PluginHost) -> Assembly:
    """Builds components of :func:`plait_host`; what one test built, the next one shares."""
    from plait.hooks import Assembly

    return Assembly(plait_host)


@pytest.fixture(scope="session")
def plait_documents() -> Sequence[Document]:
    """The sample documents of :mod:`plait.testing`."""
    from plait.testing import sample_documents

    return sample_documents()
