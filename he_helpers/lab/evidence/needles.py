"""What to search for: pieces of a secret that chance does not produce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def needles_of_bytes(secret: bytes, length: int = 64, count: int = 6) -> list[bytes]:
    """Up to `count` windows of `length` bytes, spread over `secret`: one of them turns up where a part of it
    lies.

    Windows with fewer than 12 different bytes are passed over, since chance finds them. A secret shorter than
    `length` is its own single window. Give what is secret and nothing else: a serialised private context also
    holds the public key, which the server rightly has. Raises ValueError when no window is left.
    """
    length = min(length, len(secret))
    last = len(secret) - length
    starts = np.unique(np.linspace(0, last, num=min(last + 1, 16 * count)).astype(int))
    windows = [secret[start : start + length] for start in starts]
    telling = [window for window in windows if len(set(window)) >= 12]
    if not telling:
        raise ValueError(
            f"These {len(secret)} bytes have no stretch of {length} bytes with at least 12 different ones; "
            "chance would find them. Search for a longer or less uniform secret."
        )
    return _spread(telling, count)


def needles_of_tenseal_key(private_context: bytes) -> dict[str, list[bytes]]:
    """Windows of a secret key of TenSEAL, in the two forms in which a process would hold it.

    private_context: a context serialised with its secret key. Returns "secret key, as written" (what the serialisation
    has of the secret key alone) and "secret key, in use" (its coefficients, 64 bits each, as they lie in memory once it
    is loaded). Raises ValueError for what TenSEAL cannot read, or a context without a secret key.
    """
    import tenseal as ts

    context = ts.context_from(private_context, n_threads=1)
    if not context.is_private():
        raise ValueError("This context holds no secret key, so there is nothing to look for. Serialise it with one.")
    keys = ("save_public_key", "save_secret_key", "save_galois_keys", "save_relin_keys")
    nothing = dict.fromkeys(keys, False)
    public, private = context.serialize(**nothing), context.serialize(**nothing | {"save_secret_key": True})
    words = context.secret_key().data.data()
    in_use = np.array([words[place] for place in range(words.coeff_count())], dtype="<u8").tobytes()
    # Both begin with the parameters, which are no secret.
    written = private.removeprefix(public)
    return {"secret key, as written": needles_of_bytes(written), "secret key, in use": needles_of_bytes(in_use)}


def needles_of_number_table(frame: pd.DataFrame, decimals: int | Mapping[str, int] = 0) -> dict[str, list[bytes]]:
    """Needles for the numbers of a plaintext table, in the three forms in which a process would hold them.

    frame: the table; columns that are not numeric (labels) are left out, because the server knows labels
    rightly.
    decimals: decimal places of the fixed-point integers, for all columns or by column.

    Returns lists of windows of several neighbouring numbers: "numbers as text" (a line of the CSV), "numbers
    as integers" (little-endian 64-bit fixed-point) and "numbers as floats" (little-endian 64-bit), the last
    two along the columns and along the rows. Numbers that lie scattered, as in a Python list, are not found
    by these. Raises ValueError when the table has no numeric column or is too uniform to be told from chance.
    """
    numbers = frame.select_dtypes("number")
    if numbers.empty:
        raise ValueError("The table has no numbers to look for: it needs at least one numeric column and one row.")
    places = {name: decimals if isinstance(decimals, int) else decimals.get(name, 0) for name in numbers.columns}
    scale = np.array([10.0 ** places[name] for name in numbers.columns])
    floats = numbers.to_numpy(dtype=float)
    return {
        "numbers as text": _text_windows(frame, places),
        "numbers as integers": _number_windows(np.rint(floats * scale), "<i8"),
        "numbers as floats": _number_windows(floats, "<f8"),
    }


def _text_windows(frame: pd.DataFrame, places: Mapping[str, int]) -> list[bytes]:
    """Lines of the CSV: the numbers alone where at least three stand side by side, else with the labels."""
    names = _longest_run(list(frame.columns), set(places))
    part = frame[names] if len(names) >= 3 else frame
    fixed = part.copy().astype(object)
    for name in part.columns.intersection(list(places)):
        fixed[name] = [f"{value:.{places[name]}f}" for value in part[name]]
    windows = []
    for written in (part, fixed):
        lines = written.to_csv(index=False, header=False, lineterminator="\n").splitlines()
        windows += _spread([line.encode() for line in lines if len(line) >= 12 and len(set(line)) >= 5], 3)
    if not windows:
        raise ValueError("Every line of the table is shorter than 12 characters; chance would find it in any memory.")
    return list(dict.fromkeys(windows))


def _longest_run(names: Sequence[str], numeric: set[str]) -> list[str]:
    longest: list[str] = []
    run: list[str] = []
    for name in names:
        run = [*run, name] if name in numeric else []
        longest = max(longest, run, key=len)
    return longest


def _number_windows(values: np.ndarray, dtype: str) -> list[bytes]:
    along_columns, along_rows = list(values.T), [values.ravel()]
    for length in (4, 8, 16):
        windows = []
        for lines in (along_columns, along_rows):
            stretches = [line[at : at + length] for line in lines for at in range(0, len(line), length)]
            complete = [part for part in stretches if len(part) == length and np.isfinite(part).all()]
            windows += _spread([part.astype(dtype).tobytes() for part in complete if _telling(part, dtype)], 2)
        if windows:
            return list(dict.fromkeys(windows))
    raise ValueError("The table's numbers are too few or too uniform to be told from chance in a memory image.")


def _telling(part: np.ndarray, dtype: str) -> bool:
    return len(np.unique(part)) >= 3 and len(part.astype(dtype).tobytes().replace(b"\0", b"")) >= 8


def _spread(windows: list[bytes], count: int) -> list[bytes]:
    if len(windows) <= count:
        return windows
    return [windows[index] for index in np.linspace(0, len(windows) - 1, count).astype(int)]
