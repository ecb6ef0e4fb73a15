"""Whether what a writer has written can still be trusted."""

from __future__ import annotations

from pathlib import Path

from plait.contracts.errors import IndexStoreError

__all__ = ["Usability"]


class Usability:
    """True until a write fails half way. Used as a context around each write.

    Args:
        path: of the index, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._usable = True

    def __bool__(self) -> bool:
        return self._usable

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if kind is not None:
            self._usable = False  # the next writer undoes what was written

    def check(self) -> None:
        """Refuses to go on after a failure.

        Raises:
            IndexStoreError: a write failed before.
        """
        if not self._usable:
            raise IndexStoreError(
                "this writer failed before; what it had written cannot be trusted",
                where=str(self._path),
                fix="open a new writer; it starts from the last commit",
            )
