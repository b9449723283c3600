"""Try every library that the course needs in one small operation of its own."""

import importlib.metadata
import json
import sys
from typing import NamedTuple

from he_helpers.lab.libraries.one_by_one import Outcome, one_by_one
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


# The process that tries them, see one_by_one, which gets TRIALS and names: one process, because most of its time goes
# into importing, and many libraries import the same. Pyfhel's modules free one pool of memory twice when their process
# ends, which aborts it now and then: what was tried is over before.
_PROGRAM = """
import gc, json, os, sys, traceback
gc.disable()
trials, names = json.loads(sys.argv[1]), sys.argv[2:]
report = os.fdopen(os.dup(1), "w")
for descriptor in (1, 2):
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
for name in names:
    print(json.dumps({"begins": name}), file=report, flush=True)
    try:
        exec(trials[name], {})
        outcome = "yes"
    except BaseException as error:
        outcome = "no: " + traceback.format_exception_only(error)[-1].strip()
    print(json.dumps({"ended": name, "outcome": outcome}), file=report, flush=True)
os._exit(0)
"""


class Row(NamedTuple):
    """One library: its name, its installed version ("-" when it is missing) and "yes" or "no: the reason"."""

    part: str
    version: str
    works: str


def check_libraries() -> list[Row]:
    """Try every library of TRIALS, in another process: a crash is a "no" in its row. Raises ProcessFailed."""
    versions = {part: _version(part) for part in TRIALS}
    command = [sys.executable, "-I", "-c", _PROGRAM, json.dumps(TRIALS)]
    installed = [part for part, version in versions.items() if version is not None]
    tried = one_by_one(command, installed, "the trials", _LIMIT_SECONDS)
    return [
        Row(part, "-", "no: it is not installed; run `make lab`")
        if (version := versions[part]) is None
        else Row(part, version, _words(next(tried)))
        for part in steps(TRIALS, "library")
    ]


def _version(part: str) -> str | None:
    try:
        return importlib.metadata.version(part)
    except importlib.metadata.PackageNotFoundError:
        return None


def _words(outcome: Outcome) -> str:
    if outcome.said is not None:
        return outcome.said
    if outcome.is_late:
        return f"no: it did not answer within {_LIMIT_SECONDS} s"
    if outcome.status < 0:
        return f"no: it crashed with signal {-outcome.status}"
    return f"no: it ended its process with status {outcome.status}"
