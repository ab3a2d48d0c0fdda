"""Sealing what a feed's server wants to hear again: an ETag may hold anything, the feed's secret address too.

The key is made of that address, which is in the vault alone; under another address nothing opens.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping


def seal(validators: Mapping[str, str], address: str | None) -> str:
    """Return validators as ciphertext."""
    from cryptography.fernet import Fernet

    return Fernet(_key(address)).encrypt(json.dumps(dict(validators)).encode()).decode()


def opened(sealed: str, address: str | None) -> Mapping[str, str]:
    """Return what was sealed; nothing, where it was sealed with another address."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        kept = json.loads(Fernet(_key(address)).decrypt(sealed.encode()))
    except InvalidToken:
        return {}
    return {str(name): str(value) for name, value in kept.items()}


def _key(address: str | None) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"calsignal feed validators\0" + (address or "").encode()).digest())
