"""Ciphertexts that the roles of a notebook hand to each other as a file, in the folder that all of them open.

It stands for any way of sending bytes. A file has the public key and named lists of ciphertexts, each in its envelope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgpack

from he_helpers.files import write_private
from he_helpers.lab.stage.seat import Seat
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import Ciphertext, PublicKey

_ENDING = ".ciphertexts"


def hand_over(seat: Seat, name: str, key: PublicKey, ciphertexts: Mapping[str, Sequence[Ciphertext]]) -> int:
    """Writes the public key and the ciphertexts under `name`, in the place of what was there. Returns the bytes."""
    packed = {label: [ciphertext.to_bytes() for ciphertext in group] for label, group in ciphertexts.items()}
    data = msgpack.packb([key.to_bytes(), packed])
    write_private(seat.handover / f"{name}{_ENDING}", data)
    return len(data)


def receive(seat: Seat, name: str) -> tuple[PublicKey, dict[str, list[Ciphertext]]]:
    """The public key and the ciphertexts that were handed over under `name`.

    Raises FileNotFoundError, and what load_public_key and PublicKey.load_ciphertext raise.
    """
    data = (seat.handover / f"{name}{_ENDING}").read_bytes()
    key_bytes, packed = msgpack.unpackb(data, max_bin_len=len(data))
    key = load_public_key(key_bytes)
    return key, {label: [key.load_ciphertext(part) for part in group] for label, group in packed.items()}


def take_away(seat: Seat) -> int:
    """Deletes all that was handed over in this way. Returns the number of files."""
    files = list(seat.handover.glob(f"*{_ENDING}"))
    for file in files:
        file.unlink()
    return len(files)
