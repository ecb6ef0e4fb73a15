"""What is not installed is named with the line that installs it; what is broken is not called missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from plait.config import require
from plait.config.extras import missing
from plait.contracts.errors import MissingDependencyError


def test_an_installed_module_is_imported() -> None:
    assert require("json.decoder", "plait[models]").JSONDecoder


def test_a_missing_module_is_named_with_its_pip_line() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        require("braid_that_nobody_has.deep", "plait[braid]", needed_by="retriever 'x'")
    assert caught.value.where == "retriever 'x'"
    assert "'braid_that_nobody_has'" in caught.value.message
    assert caught.value.fix == 'pip install "plait[braid]"'


def test_a_module_that_a_module_needs_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_a_braid.py").write_text("import braid_that_nobody_has")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingDependencyError, match="'braid_that_nobody_has' is not installed"):
        require("needs_a_braid", "plait[braid]")


def test_a_module_that_fails_keeps_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fails_at_import.py").write_text("raise OSError('libbraid.so.3')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(OSError, match="libbraid"):
        require("fails_at_import", "plait[braid]")


def test_without_an_extra_the_module_is_named() -> None:
    assert missing("braid", "").fix == "install the package that provides the module 'braid'"
