"""Ed25519 signing keys in hexadecimal, stored outside the database."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from hitl_orchestrator.errors import InvalidKey
from hitl_orchestrator.ledger.keys.files import keys_in, new_key, private_text

KEY_BYTES = 32


class SigningKey:
    """A private key, and the retired ones before it, the last of which endorses the first head under this one."""

    def __init__(self, seed: bytes, retired: "Sequence[SigningKey]" = ()) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - slow to import

        self._private, self.retired = Ed25519PrivateKey.from_private_bytes(seed), tuple(retired)

    @cached_property
    def public(self) -> str:
        """The public key, which verifies the signatures of this key."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, text: str) -> str:
        """Return the signature of a text."""
        return self._private.sign(text.encode()).hex()


def new_signing_key() -> SigningKey:
    """Return a new key that ends with the process."""
    return SigningKey(bytes.fromhex(new_key()))


def signing_key_in(text: str, where: str | Path) -> SigningKey:
    """Return the private key in a text: the first of several keys of 64 hexadecimal digits, with the retired ones.

    Raises:
        InvalidKey: the text has another form. It is not quoted.
    """
    first, *retired = _keys(text, where)
    return SigningKey(first, [SigningKey(seed) for seed in retired])


def signing_key_at(path: Path, *, of_a_copy: bool = False) -> SigningKey:
    """Return the private key in a file, which is created if missing. Raises `InvalidKey`.

    With `of_a_copy` it is only to verify signatures, and others may read the file.
    """
    return signing_key_in(private_text(path, lambda: f"{new_key()}\n", of_a_copy=of_a_copy), path)


def public_key_in(text: str, where: str | Path) -> str:
    """Return the public key in a text. Raises `InvalidKey`."""
    keys = _keys(text, where)
    if len(keys) != 1:
        raise InvalidKey(where, f"it holds {len(keys)} keys, and one is to be trusted")
    return keys[0].hex()


def is_public_key(text: object) -> bool:
    """Whether a value is a public key as heads name it."""
    return isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text) is not None


def is_signed(text: str, signature: str, public: str) -> bool:
    """Whether a signature of this text verifies with a public key."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _keys(text: str, where: str | Path) -> tuple[bytes, ...]:
    keys = keys_in(text, where)
    if any(len(key) != KEY_BYTES for key in keys):
        raise InvalidKey(where, f"it does not hold keys of {2 * KEY_BYTES} hexadecimal digits")
    return keys
