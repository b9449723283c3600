"""What a million rows cost next to the raw calls for the same ciphertexts, and next to pandas for the same file.

The helper's cost is to grow with the number of ciphertexts, not of rows: of the rows it reads the labels once, and puts
the numbers into their slots.
"""

import tempfile
import time
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import tenseal as ts

from he_helpers.lab.measuring.measure import paired
from he_helpers.lab.notebook.data import load_table
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.tables import Aligned, EncryptedTable

GROUPS = 10
COLUMNS = ("a", "b", "c")


def scale_costs(rows: int = 10**6, repetitions: int = 7) -> pd.DataFrame:
    """Encrypt, load and aggregate a table of ``rows`` rows in ten groups and three columns; load its CSV file.

    Raw are TenSEAL's own calls for the same vectors, with the labels read once: by pandas' factorize from text when
    encrypting, by counting their codes afterwards. All is done in one process, in which the context of the key is in
    use already, so that neither side builds it to load; ``load, context included`` has it built on both sides, as the
    first table of a process needs. For the file raw is pandas.read_csv.
    Returns a row for each step with the columns raw and helper (medians, seconds of the processor) and
    ``helper / raw``, the median of the ratios within a pair, with the quartiles of these ratios.
    """
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"group": generator.choice([f"group {i}" for i in range(GROUPS)], rows)})
    for name in COLUMNS:
        frame[name] = generator.integers(0, 100, rows)
    keys = tenseal_bfv().generate_keys()
    context, parts = keys.public.native, min(rows, keys.public.slot_count // (GROUPS * len(COLUMNS)))

    def encrypt() -> EncryptedTable:
        return EncryptedTable.encrypt(frame, ["group"], keys.public, layout=Aligned(partial_sums=parts))

    table = encrypt()
    vectors = list(table.packing.vectors(frame[list(COLUMNS)].to_numpy()))
    raw = [ts.bfv_vector(context, vector) for vector in vectors]
    raw_bytes, table_bytes = [vector.serialize() for vector in raw], table.to_bytes()
    raw_context = context.serialize(save_public_key=False, save_galois_keys=False, save_relin_keys=False)
    codes = pd.factorize(frame["group"])[0].astype(np.uint8).tobytes()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        frame.assign(c=frame["c"] / 4).to_csv(file, index=False)
        steps = {
            "encrypt": (
                lambda: [pd.factorize(frame["group"]), *(ts.bfv_vector(context, vector) for vector in vectors)],
                encrypt,
            ),
            "load": (
                lambda: [_count(codes), *_vectors(table.key.native, raw_bytes)],
                lambda: EncryptedTable.from_bytes(table_bytes),
            ),
            "load, context included": (
                lambda: [_count(codes), *_vectors(_context(raw_context), raw_bytes)],
                lambda: [_context(raw_context), EncryptedTable.from_bytes(table_bytes)],
            ),
            "aggregate": (lambda: reduce(add, raw), lambda: table.group_by("group").sum()),
            "load_table": (lambda: pd.read_csv(file), lambda: load_table(file)),
        }
        costs = {}
        for step, (library, helper) in steps.items():
            # pandas parses in threads of its own.
            pairs = paired(library, helper, repetitions, warm_up=1, clock=time.process_time)
            costs[step] = [*np.median(pairs, axis=0), *np.quantile(pairs[:, 1] / pairs[:, 0], [0.5, 0.25, 0.75])]
    columns = ["raw", "helper", "helper / raw", "lower quartile", "upper quartile"]
    return pd.DataFrame.from_dict(costs, orient="index", columns=columns).rename_axis("step")


def _context(data: bytes) -> ts.Context:
    return ts.context_from(data, n_threads=1)


def _vectors(context: ts.Context, vectors: list[bytes]) -> list[ts.BFVVector]:
    return [ts.bfv_vector_from(context, vector) for vector in vectors]


def _count(codes: bytes) -> np.ndarray:
    return np.bincount(np.frombuffer(codes, dtype=np.uint8))
