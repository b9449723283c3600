"""Try every library that the course needs in one small operation of its own."""

import importlib.metadata
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from he_helpers.lab.workspace.doing import steps

_LIMIT_SECONDS = 60

TRIALS = {
    "tenseal": """
import tenseal
context = tenseal.context(tenseal.SCHEME_TYPE.BFV, 4096, 1032193)
assert (tenseal.bfv_vector(context, [1, 2]) + tenseal.bfv_vector(context, [3, 4])).decrypt() == [4, 6]
""",
    "Pyfhel": """
import numpy, Pyfhel
scheme = Pyfhel.Pyfhel()
scheme.contextGen(scheme="bfv", n=4096, t=1032193)
scheme.keyGen()
total = scheme.encryptInt(numpy.array([1])) + scheme.encryptInt(numpy.array([3]))
assert scheme.decryptInt(total)[0] == 4
""",
    "phe": """
from phe import paillier
public, secret = paillier.generate_paillier_keypair(n_length=1024)
assert secret.decrypt(public.encrypt(1) + public.encrypt(3)) == 4
""",
    "gmpy2": "import gmpy2; assert gmpy2.powmod(3, 4, 7) == 4",
    "numpy": "import numpy; assert numpy.eye(2).sum() == 2",
    "pandas": """
import pandas
assert pandas.DataFrame({"a": [1, 1], "b": [2, 3]}).groupby("a").b.sum()[1] == 5
""",
    "matplotlib": """
import io, matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig(io.BytesIO())
""",
    "flask": """
import flask
application = flask.Flask("trial")
application.get("/")(lambda: "yes")
assert application.test_client().get("/").text == "yes"
""",
    "h11": "import h11; assert h11.Connection(h11.SERVER).next_event() is h11.NEED_DATA",
    "sqlalchemy": """
import sqlalchemy
with sqlalchemy.create_engine("sqlite://").connect() as connection:
    assert connection.scalar(sqlalchemy.text("select 1")) == 1
""",
    "pydantic": "import pydantic; assert pydantic.TypeAdapter(int).validate_python('4') == 4",
    "pynacl": """
import nacl.public
key = nacl.public.PrivateKey.generate()
assert nacl.public.SealedBox(key).decrypt(nacl.public.SealedBox(key.public_key).encrypt(b"x")) == b"x"
""",
    "cryptography": """
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
cipher = AESGCM(AESGCM.generate_key(256))
assert cipher.decrypt(bytes(12), cipher.encrypt(bytes(12), b"x", None), None) == b"x"
""",
    "pycryptodome": """
from Crypto.Protocol.SecretSharing import Shamir
shares = Shamir.split(2, 3, bytes(16))
assert Shamir.combine(shares[1:]) == bytes(16)
""",
    "opendp": """
import opendp.prelude as dp
dp.enable_features("contrib")
assert dp.m.make_laplace(dp.atom_domain(T="i64"), dp.absolute_distance(T="i64"), scale=2.0).map(1) == 0.5
""",
    "httpx": "import httpx; assert httpx.Request('GET', 'http://localhost/v1').url.path == '/v1'",
    "blake3": "import blake3; assert len(blake3.blake3(b'trial').digest(16)) == 16",
    "zstandard": "import zstandard; assert zstandard.decompress(zstandard.compress(b'trial')) == b'trial'",
    "msgspec": "import msgspec; assert msgspec.msgpack.decode(msgspec.msgpack.encode([1])) == [1]",
    "msgpack": "import msgpack; assert msgpack.unpackb(msgpack.packb([1])) == [1]",
    "lazy-loader": "import lazy_loader; assert lazy_loader.load('json').dumps([1]) == '[1]'",
    "ipywidgets": "import ipywidgets; assert ipywidgets.IntProgress(value=3).value == 3",
    "jupyterlab": "import jupyterlab.labapp",
}


# Pyfhel's modules free one pool of memory twice when their process ends, which aborts it now and then: what was tried
# is over before.
_END = "\nimport os\nos._exit(0)"


class Row(NamedTuple):
    """One library: its name, its installed version ("-" when it is missing) and "yes" or "no: the reason"."""

    part: str
    version: str
    works: str


def check_libraries() -> list[Row]:
    """Try every library of TRIALS, each in a process of its own: a crash is a "no" in its row."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        tried = pool.map(_try, TRIALS)
        return [row for _, row in zip(steps(TRIALS, "library"), tried, strict=True)]


def _try(part: str) -> Row:
    try:
        version = importlib.metadata.version(part)
    except importlib.metadata.PackageNotFoundError:
        return Row(part, "-", "no: it is not installed; run `make lab`")
    try:
        run = subprocess.run(
            [sys.executable, "-I", "-c", TRIALS[part] + _END], capture_output=True, text=True, timeout=_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Row(part, version, f"no: it did not answer within {_LIMIT_SECONDS} s")
    if run.returncode < 0:
        return Row(part, version, f"no: it crashed with signal {-run.returncode}")
    if run.returncode:
        return Row(part, version, f"no: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return Row(part, version, "yes")
