"""What is signed by its sender and sealed to its recipient, so that a server can relay it and nothing more.

A sealed box (libsodium's crypto_box_seal) is anonymous: anyone who knows the recipient's public key can make one. The
signature inside says who made it. Whatever it must not be taken for, the content has to say: request, recipient.

Layout before sealing: an Ed25519 signature (64 bytes) over a domain and the content, then the content.
"""

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey, VerifyKey

from he_helpers.roles.errors import ForgedRelease, NotForThisKey
from he_helpers.roles.keys.contacts import VERIFY_KEY, Contact

_SIGNATURE_BYTES = 64


def sign_and_seal(domain: bytes, content: bytes, signing_key: SigningKey, recipient: Contact) -> bytes:
    """Sign ``content`` and seal it to the encryption key of ``recipient``.

    domain: what kind of content it is; a signature made for another kind is none of this.
    """
    signature = signing_key.sign(domain + content).signature
    return SealedBox(PublicKey(recipient.key)).encrypt(signature + content)


def open_signed(domain: bytes, sealed: bytes, private_key: PrivateKey, signer: Contact, what: str, who: str) -> bytes:
    """The content that ``signer``, whose verify key was handed over in person, has signed and sealed to this key.

    what, who: words for it and for the signer, such as "result" and "administrator". Raises NotForThisKey,
    ForgedRelease.
    """
    if signer.kind != VERIFY_KEY:
        raise ForgedRelease(
            f"A {what} is verified with the {who}'s verify key; this one is of the kind {signer.kind!r}."
        )
    try:
        opened = SealedBox(private_key).decrypt(sealed)
    except (CryptoError, TypeError, ValueError):
        raise NotForThisKey(
            f"This sealed {what} does not open with your key: it was sealed to another key, or it was damaged "
            "on its way."
        ) from None
    signature, content = opened[:_SIGNATURE_BYTES], opened[_SIGNATURE_BYTES:]
    try:
        VerifyKey(signer.key).verify(domain + content, signature)
    except (BadSignatureError, ValueError, TypeError):
        raise ForgedRelease(
            f"The {who} whose key you hold has not signed this {what}. Do not use it; tell the {who}."
        ) from None
    return content
