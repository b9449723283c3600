"""The libraries with keys, ready for the jobs of library_jobs, each as its own documentation writes it: no helper of
ours around a call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import phe
import tenseal as ts
import tenseal.sealapi as seal
from Pyfhel import PyCtxt, Pyfhel

from he_helpers.lab.libraries.library_jobs import CONSTANT, LATTICE, PAILLIER, PAILLIER_SUM, VALUES, Contestant
from he_helpers.parameters import BFVParameters, CKKSParameters, Parameters, assess_security


def contestants() -> list[Contestant]:
    """New keys for every library: TenSEAL, Pyfhel and phe, and openfhe where it can be imported."""
    joined = [tenseal("BFV"), pyfhel("BFV"), tenseal("CKKS"), pyfhel("CKKS"), paillier()]
    try:
        from he_helpers.lab.libraries.library_openfhe import openfhe
    except ImportError:  # not installed, or its compiled part was made for another system
        return joined
    return [*joined, openfhe("BFV"), openfhe("CKKS")]


def tenseal(scheme: str) -> Contestant:
    """TenSEAL with one thread; ``rotate`` goes to the SEAL objects underneath, since TenSEAL itself has no rotation."""
    parameters, exact = LATTICE[scheme], scheme == "BFV"
    modulus = {"plain_modulus": parameters.plaintext_modulus} if isinstance(parameters, BFVParameters) else {}
    context = ts.context(
        ts.SCHEME_TYPE.BFV if exact else ts.SCHEME_TYPE.CKKS,
        parameters.ring_dimension,
        coeff_mod_bit_sizes=list(parameters.coefficient_modulus_bits),
        n_threads=1,
        **modulus,
    )
    if isinstance(parameters, CKKSParameters):
        context.global_scale = 2**parameters.scale_bits
    context.generate_galois_keys()
    vector, load = (ts.bfv_vector, ts.bfv_vector_from) if exact else (ts.ckks_vector, ts.ckks_vector_from)
    x, y = vector(context, VALUES), vector(context, VALUES)
    data = x.serialize()

    evaluator, keys = seal.Evaluator(context.seal_context().data), context.galois_keys().data
    rotate_one = evaluator.rotate_rows if exact else evaluator.rotate_vector

    def rotate() -> Any:
        rotated = seal.Ciphertext()
        rotate_one(x.ciphertext()[0], 1, keys, rotated)
        return rotated

    def decrypt(ciphertext: Any) -> np.ndarray:
        if isinstance(ciphertext, seal.Ciphertext):
            plaintext = seal.Plaintext()
            seal.Decryptor(context.seal_context().data, context.secret_key().data).decrypt(ciphertext, plaintext)
            return _decode(context, plaintext, exact)
        return np.array(ciphertext.decrypt())

    return Contestant(
        name=f"TenSEAL {scheme}",
        values=VALUES,
        summed=VALUES,
        calls={
            "encrypt": lambda: vector(context, VALUES),
            "add": lambda: x + y,
            "multiply by a constant": lambda: x * CONSTANT,
            "multiply": lambda: x * y,  # relinearises and rescales by itself
            "sum": lambda: x.sum(),
            "rotate": rotate,
            "decrypt": lambda: x.decrypt(),
            "serialise": lambda: x.serialize(),
            "load": lambda: load(context, data),
        },
        decrypt=decrypt,
        sizes={"ciphertext": len(data), **_tenseal_key_sizes(context)},
        security=_security(parameters),
        engine=context,
        x=x,
    )


def _decode(context: ts.Context, plaintext: Any, exact: bool) -> np.ndarray:
    if not exact:
        return np.array(seal.CKKSEncoder(context.seal_context().data).decode_double(plaintext))
    return np.array(seal.BatchEncoder(context.seal_context().data).decode_int64(plaintext))[: len(VALUES)]


def _tenseal_key_sizes(context: ts.Context) -> dict[str, int]:
    parts = {
        "public key": "save_public_key",
        "relinearisation keys": "save_relin_keys",
        "Galois keys": "save_galois_keys",
        "secret key": "save_secret_key",
    }
    nothing = dict.fromkeys(parts.values(), False)
    return {name: len(context.serialize(**{**nothing, part: True})) for name, part in parts.items()}


def pyfhel(scheme: str) -> Contestant:
    """Pyfhel, which leaves relinearising and rescaling after a product to its user."""
    parameters, exact = LATTICE[scheme], scheme == "BFV"
    encoding: dict[str, float]
    if isinstance(parameters, BFVParameters):
        encoding = {"t": parameters.plaintext_modulus}
    else:
        encoding = {"scale": 2.0**parameters.scale_bits}
    engine = Pyfhel()
    # sec=0 leaves the moduli chain as it is; its security was looked up in the tables.
    engine.contextGen(
        scheme.lower(), parameters.ring_dimension, qi_sizes=list(parameters.coefficient_modulus_bits), sec=0, **encoding
    )
    engine.keyGen()
    engine.relinKeyGen()
    engine.rotateKeyGen()
    encrypt = engine.encryptInt if exact else engine.encryptFrac
    decrypt = engine.decryptInt if exact else engine.decryptFrac
    numbers = VALUES if exact else VALUES.astype(float)
    x, y = encrypt(numbers), encrypt(numbers)
    data = x.to_bytes("none")

    def rescaled(product: PyCtxt) -> PyCtxt:
        if not exact:
            engine.rescale_to_next(product)
        return product

    def multiply() -> PyCtxt:
        product = x * y
        engine.relinearize(product)
        return rescaled(product)

    return Contestant(
        name=f"Pyfhel {scheme}",
        values=VALUES,
        summed=VALUES,
        calls={
            "encrypt": lambda: encrypt(numbers),
            "add": lambda: x + y,
            "multiply by a constant": lambda: rescaled(x * CONSTANT),
            "multiply": multiply,
            "sum": lambda: engine.cumul_add(x, in_new_ctxt=True),
            "rotate": lambda: engine.rotate(x, 1, in_new_ctxt=True),
            "decrypt": lambda: decrypt(x),
            "serialise": lambda: x.to_bytes("none"),
            "load": lambda: PyCtxt(pyfhel=engine, bytestring=data),
        },
        decrypt=lambda ciphertext: decrypt(ciphertext)[: len(VALUES)],
        sizes={
            "ciphertext": len(data),
            "public key": len(engine.to_bytes_public_key("none")),
            "relinearisation keys": len(engine.to_bytes_relin_key("none")),
            "Galois keys": len(engine.to_bytes_rotate_key("none")),
            "secret key": len(engine.to_bytes_secret_key("none")),
        },
        security=_security(parameters),
        engine=engine,
        x=x,
    )


def paillier() -> Contestant:
    """phe: one value a ciphertext, no product of ciphertexts, no slots to sum or rotate."""
    public, private = phe.generate_paillier_keypair(n_length=PAILLIER.modulus_bits)
    value = int(VALUES[0])
    x, y = public.encrypt(value), public.encrypt(value)
    many = [x, *(public.encrypt(int(other)) for other in VALUES[1:PAILLIER_SUM])]
    size = PAILLIER.modulus_bits * 2 // 8
    data = x.ciphertext(be_secure=False).to_bytes(size, "big")

    return Contestant(
        name="phe Paillier",
        values=VALUES[:1],
        summed=VALUES[:PAILLIER_SUM],
        calls={
            "encrypt": lambda: public.encrypt(value),
            "add": lambda: x + y,
            "multiply by a constant": lambda: x * CONSTANT,
            "sum": lambda: sum(many[1:], many[0]),
            "decrypt": lambda: private.decrypt(x),
            # Whoever sends a sum away re-randomises it first, which costs as much as encrypting: be_secure=True.
            "serialise": lambda: x.ciphertext(be_secure=False).to_bytes(size, "big"),
            "load": lambda: phe.EncryptedNumber(public, int.from_bytes(data, "big")),
        },
        decrypt=lambda ciphertext: np.array([private.decrypt(ciphertext)]),
        sizes={"ciphertext": len(data), "public key": size // 2, "secret key": size // 2},
        security=_security(PAILLIER),
        engine=(public, private),
        x=x,
    )


def _security(parameters: Parameters) -> str:
    return f"{assess_security(parameters).level} bits"
