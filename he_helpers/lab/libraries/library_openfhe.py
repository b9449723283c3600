"""openfhe on the jobs of library_jobs, where it is installed: it is optional, since its wheels fit few systems.

It chooses ring dimension and moduli by itself, from the level of security and the number of products, so it does not
have the parameters of the others. Like the others it computes with one thread, unless OMP_NUM_THREADS says otherwise.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when the library is loaded
import openfhe as fhe  # noqa: E402

from he_helpers.lab.libraries.library_jobs import CONSTANT, LATTICE, VALUES, Contestant  # noqa: E402
from he_helpers.parameters import BFVParameters  # noqa: E402


def openfhe(scheme: str) -> Contestant:
    """openfhe at its own level HEStd_128_classic, with room for as many products as the others have (CKKS) or one."""
    of_others, exact = LATTICE[scheme], scheme == "BFV"
    if isinstance(of_others, BFVParameters):
        parameters = fhe.CCParamsBFVRNS()
        parameters.SetMultiplicativeDepth(1)
        parameters.SetPlaintextModulus(of_others.plaintext_modulus)
    else:
        parameters = fhe.CCParamsCKKSRNS()
        parameters.SetMultiplicativeDepth(of_others.levels)
        parameters.SetScalingModSize(of_others.scale_bits)
        parameters.SetBatchSize(len(VALUES))
    parameters.SetSecurityLevel(fhe.HEStd_128_classic)
    context = fhe.GenCryptoContext(parameters)
    for feature in (fhe.PKE, fhe.KEYSWITCH, fhe.LEVELEDSHE, fhe.ADVANCEDSHE):
        context.Enable(feature)
    keys = context.KeyGen()
    public, secret = keys.publicKey, keys.secretKey
    context.EvalMultKeyGen(secret)
    context.EvalSumKeyGen(secret)
    context.EvalRotateKeyGen(secret, [1])
    pack = context.MakePackedPlaintext if exact else context.MakeCKKSPackedPlaintext
    values = VALUES.tolist()
    # openfhe multiplies BFV by a plaintext only.
    constant = pack([CONSTANT] * len(values)) if exact else CONSTANT
    x, y = context.Encrypt(public, pack(values)), context.Encrypt(public, pack(values))
    data = fhe.Serialize(x, fhe.BINARY)

    def decrypt(ciphertext: Any) -> np.ndarray:
        plaintext = context.Decrypt(secret, ciphertext)
        plaintext.SetLength(len(values))
        return np.array(plaintext.GetPackedValue() if exact else plaintext.GetRealPackedValue())

    return Contestant(
        name=f"openfhe {scheme}",
        values=VALUES,
        summed=VALUES,
        calls={
            "encrypt": lambda: context.Encrypt(public, pack(values)),
            "add": lambda: context.EvalAdd(x, y),
            "multiply by a constant": lambda: context.EvalMult(x, constant),
            "multiply": lambda: context.EvalMult(x, y),
            "sum": lambda: context.EvalSum(x, len(values)),
            "rotate": lambda: context.EvalRotate(x, 1),
            "decrypt": lambda: decrypt(x),
            "serialise": lambda: fhe.Serialize(x, fhe.BINARY),
            "load": lambda: fhe.DeserializeCiphertextString(data, fhe.BINARY),
        },
        decrypt=decrypt,
        sizes={
            "ciphertext": len(data),
            "public key": len(fhe.Serialize(public, fhe.BINARY)),
            "secret key": len(fhe.Serialize(secret, fhe.BINARY)),
        },
        security=f"its own HEStd_128_classic, ring dimension {context.GetRingDimension()}",
        engine=context,
        x=x,
    )
