"""A bundle: what an outsider needs to check a dataset's aggregates and its trail, in one file and without any key.

A zip archive whose members are stored as they are, so that nothing in it grows when it is read:

    bundle.json               dataset, requests, trail, heads, verify keys
    tables/SHA256             encrypted tables, by the SHA-256 of their bytes: the present one, and earlier ones
    aggregates/REQUEST        the aggregate of each request that has one, by the request's uuid

It was written by somebody and brought by somebody: everything in it is checked before it is used, nothing is unpacked
into files, and a member that is compressed, too large, of another name or there twice makes it no bundle.
"""

import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from he_helpers.audit.chain import Entry
from he_helpers.audit.heads import Head
from he_helpers.errors import HEError
from he_helpers.files import write_private
from he_helpers.parameters import CKKSParameters
from he_helpers.tables import EncryptedTable
from he_helpers.tables.room import sum_error

LARGEST_BUNDLE = 2**31
_LARGEST_INDEX = 2**27
_MOST_MEMBERS = 10_000
# At the end of a zip archive (APPNOTE.TXT of PKWARE, 4.3.15 and 4.3.16): signature, number of members, bytes of their
# list, length of the comment; and what stands before it in an archive with a second list.
_END = struct.Struct("<4s6xHL4xH")
_LOCATOR = b"PK\6\7".ljust(20, b"\0")
_LARGEST_ENTRY = 256
_INDEX = "bundle.json"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MEMBER = re.compile(rf"{re.escape(_INDEX)}|tables/[0-9a-f]{{64}}|aggregates/{_UUID}")
_FORMAT = "he_helpers audit bundle 1"
_MEMBERS = {"format", "dataset", "requests", "trail", "heads", "verify_keys"}
# Fixed, so that the same content gives the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class UnreadableBundle(HEError, ValueError):
    """A file that is no bundle, or that this version of he_helpers does not read."""


class NotForOutsiders(HEError, ValueError):
    """A table whose ciphertexts and released results must not come into the same hands."""


@dataclass(frozen=True, repr=False)
class Bundle:
    """What is in a bundle.

    ``tables`` and ``aggregates`` are bytes, by digest and by request. ``requests`` maps a request to its query, as
    Query.to_dict() gives it. ``trail`` has the content of this dataset's events. ``verify_keys`` are those of witnesses
    by their names, on the word of whoever wrote the bundle.
    """

    dataset: str
    tables: Mapping[str, bytes]
    aggregates: Mapping[str, bytes]
    requests: Mapping[str, Mapping[str, Any]]
    trail: Sequence[Entry]
    heads: Sequence[Head]
    verify_keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return (
            f"Bundle({self.dataset!r}: {len(self.tables)} tables, {len(self.aggregates)} aggregates, "
            f"{len(self.trail)} events, {len(self.heads)} heads)"
        )

    def write(self, path: Path | str) -> Path:
        """Write the bundle as one file, whole or not at all; returns it."""
        path = Path(path)
        index = {
            "format": _FORMAT,
            "dataset": self.dataset,
            "requests": {request: dict(query) for request, query in self.requests.items()},
            "trail": [entry.to_document() for entry in self.trail],
            "heads": [head.to_document() for head in self.heads],
            "verify_keys": {name: key.hex() for name, key in self.verify_keys.items()},
        }
        members = {_INDEX: json.dumps(index, indent=1).encode()}
        members |= {f"tables/{digest}": content for digest, content in self.tables.items()}
        members |= {f"aggregates/{request}": content for request, content in self.aggregates.items()}
        write_private(path, _packed(members))
        return path

    @classmethod
    def read(cls, path: Path | str) -> "Bundle":
        """Read a bundle. Raises UnreadableBundle; what its tables, trail and aggregates say is not checked here."""
        members = _members(Path(path))
        try:
            index = json.loads(members.pop(_INDEX))
            if set(index) != _MEMBERS or index["format"] != _FORMAT or not isinstance(index["dataset"], str):
                raise ValueError
            requests = {str(request): {**query} for request, query in index["requests"].items()}
            return cls(
                index["dataset"],
                _of_folder("tables/", members),
                _of_folder("aggregates/", members),
                requests,
                [Entry.from_document(entry) for entry in index["trail"]],
                [Head.from_document(head) for head in index["heads"]],
                {str(name): bytes.fromhex(key) for name, key in index["verify_keys"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise UnreadableBundle(
                f"{_INDEX} of this bundle is not what it has to be. Ask for the bundle again, made by this version of "
                "he_helpers."
            ) from None


def check_for_outsiders(table: EncryptedTable) -> None:
    """Raise NotForOutsiders if ciphertexts of ``table`` must not be handed to those who may see released results.

    The error in a decrypted CKKS number depends on the secret key, which can be computed from ciphertexts and such
    numbers (Li and Micciancio, ePrint 2020/1533). So a bundle holds tables of exact schemes, and CKKS tables whose sums
    are whole multiples of their last decimal, if the bound of the error says that rounding recovers them exactly: then
    what is released depends on the data alone. Other CKKS results would have to be flooded before they are released
    (ePrint 2022/816), and a release of this course does not do that.
    """
    parameters = table.key.parameters
    if table.key.exact or not isinstance(parameters, CKKSParameters):
        return
    error = sum_error(table.packing, max(ciphertext.bound for ciphertext in table.ciphertexts), parameters)
    wrong = [column.name for column in table.columns if error >= 0.5 * 10.0**-column.decimals]
    if wrong:
        raise NotForOutsiders(
            f"Sums of {', '.join(wrong)} can be off by {error:.1g}, which rounding to their decimals does not remove. "
            "Who has their ciphertexts and their released values may compute the secret key. Encrypt these columns "
            "with fewer decimals or under an exact scheme, and give a bundle of that dataset."
        )


def _packed(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return file.getvalue()


def _of_folder(folder: str, members: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix(folder): content for name, content in members.items() if name.startswith(folder)}


def _members(path: Path) -> dict[str, bytes]:
    """The members of the archive by name, read into memory; no more than the file itself has."""
    try:
        size = path.stat().st_size
        if size > LARGEST_BUNDLE:
            raise UnreadableBundle(f"The bundle has {size:,} bytes, and at most {LARGEST_BUNDLE:,} are read.")
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check_members(infos, size)
            return {info.filename: archive.read(info) for info in infos}
    except OSError as error:
        raise UnreadableBundle(f"The bundle {path} cannot be read: {error.strerror}.") from None
    except (zipfile.BadZipFile, RuntimeError, ValueError, NotImplementedError, EOFError) as error:
        if isinstance(error, UnreadableBundle):
            raise
        raise UnreadableBundle(
            f"{path.name} is no bundle, or a damaged one ({type(error).__name__}). Ask for it again."
        ) from None


def _check_directory(path: Path) -> None:
    """Raise UnreadableBundle for a list of members that is longer than that of a bundle: read, each of its entries
    takes ten times its bytes of memory. Raises zipfile.BadZipFile where the archive does not end with where it is."""
    with open(path, "rb") as file:
        file.seek(-min(path.stat().st_size, len(_LOCATOR) + _END.size), os.SEEK_END)
        before, end = file.read(len(_LOCATOR)), file.read()
    if len(end) != _END.size:
        raise zipfile.BadZipFile
    signature, members, directory, comment = _END.unpack(end)
    if signature != b"PK\5\6" or comment:
        raise zipfile.BadZipFile
    # A second list, of more than 65,535 members or 4 GiB, would take the place of this one.
    if before[:4] == _LOCATOR[:4] or members > _MOST_MEMBERS or directory > _MOST_MEMBERS * _LARGEST_ENTRY:
        raise UnreadableBundle(f"A bundle has at most {_MOST_MEMBERS:,} members, and this archive lists more.")


def _check_members(infos: Sequence[zipfile.ZipInfo], size: int) -> None:
    names = [info.filename for info in infos]
    if len(infos) > _MOST_MEMBERS or len(set(names)) != len(names) or _INDEX not in names:
        raise UnreadableBundle(f"A bundle has one {_INDEX}, and at most {_MOST_MEMBERS:,} members, each of them once.")
    for info in infos:
        if not _MEMBER.fullmatch(info.filename):
            raise UnreadableBundle(f"A bundle has no member {info.filename!r:.80}. Nothing of this one is used.")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            raise UnreadableBundle(
                f"The member {info.filename} is compressed or encrypted, which those of a bundle are not: a few bytes "
                "could become as many as fill the memory. Nothing of this one is used."
            )
        if info.filename == _INDEX and info.file_size > _LARGEST_INDEX:
            raise UnreadableBundle(f"{_INDEX} has {info.file_size:,} bytes, and at most {_LARGEST_INDEX:,} are read.")
    if sum(info.file_size for info in infos) > size:
        raise UnreadableBundle("The members of this archive are said to be larger than it is. Nothing of it is used.")
