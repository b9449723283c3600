"""Tables that move to a new key: what is on its way, and the earlier tables, which explain earlier results.

moving/NAME.table           the table under the new key, until the server has it and it is the own copy
earlier/NAME/SHA256.table   the tables that were there before, under their keys
earlier/NAME/first          the SHA-256 of the first one: it stands for the data, which have not changed since
"""

import hashlib
import shutil
from pathlib import Path

from he_helpers.files import move_file, private_folder, read_private, write_private

LARGEST_TABLE = 2**30
_FIRST = "first"


class Moves:
    """The moves of one administrator, in the own ``folder``. Each step is there whole or not at all."""

    def __init__(self, folder: Path):
        self._moving = private_folder(folder / "moving")
        self._earlier = private_folder(folder / "earlier")

    def on_its_way(self, dataset: str) -> bytes | None:
        """The table under the new key that was made and whose move has not come to its end; None without one."""
        file = self._moving_file(dataset)
        return read_private(file, LARGEST_TABLE) if file.exists() else None

    def begin(self, dataset: str, old: bytes, new: bytes) -> None:
        """Keep the old table for good and the new one for the way: before the server gets it."""
        folder = private_folder(self._earlier / dataset)
        first = folder / _FIRST
        digest = hashlib.sha256(old).hexdigest()
        if not first.exists():
            write_private(first, digest.encode("ascii"))
        write_private(folder / f"{digest}.table", old)
        write_private(self._moving_file(dataset), new)

    def finish(self, dataset: str, copy: Path) -> None:
        """Put the new table, which the server has acknowledged, in the place of the own ``copy``."""
        move_file(self._moving_file(dataset), copy)

    def give_up(self, dataset: str, old: bytes) -> None:
        """Forget a move that the server has refused: the ``old`` table stays the present one."""
        self._moving_file(dataset).unlink(missing_ok=True)
        folder = self._earlier / dataset
        (folder / f"{hashlib.sha256(old).hexdigest()}.table").unlink(missing_ok=True)
        if not list(folder.glob("*.table")):
            self.forget(dataset)

    def forget(self, dataset: str) -> None:
        """Forget all moves of a dataset that is deleted."""
        self._moving_file(dataset).unlink(missing_ok=True)
        shutil.rmtree(self._earlier / dataset, ignore_errors=True)

    def earlier(self, dataset: str) -> list[bytes]:
        """The tables that this dataset had before, under their keys."""
        files = sorted((self._earlier / dataset).glob("*.table"))
        return [read_private(file, LARGEST_TABLE) for file in files]

    def identity(self, dataset: str, table: bytes) -> str:
        """The SHA-256 of the first table of these data: of ``table`` where they were never moved."""
        first = self._earlier / dataset / _FIRST
        return read_private(first, 64).decode("ascii") if first.exists() else hashlib.sha256(table).hexdigest()

    def datasets(self) -> list[str]:
        """The datasets that have earlier tables, by name."""
        return sorted(folder.name for folder in self._earlier.iterdir() if list(folder.glob("*.table")))

    def _moving_file(self, dataset: str) -> Path:
        return self._moving / f"{dataset}.table"
