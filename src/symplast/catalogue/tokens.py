"""Tokens that links in mails carry. Only their hashes are stored."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

LENGTH = 22
"""Characters of a token: 128 bits, URL-safe."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


def new_token() -> str:
    """A random token."""
    return secrets.token_urlsafe(16)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def hashed(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def derived(secret: bytes, text: str) -> str:
    """A token that follows from the secret, so that it can be written into each mail without being stored."""
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:LENGTH]


def secret_beside(db: Path) -> bytes:
    """The secret of a database, in a file next to it that only its owner can read; made when it isn't there.

    Args:
        db: the database; its secret is ``<db>.secret``.

    Raises:
        ValueError: the file holds no secret.
    """
    path = db.with_name(f"{db.name}.secret")
    if not path.exists():
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first
                os.link(aside, path)
        finally:
            aside.unlink()
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) < 16:
        raise ValueError(f"{path} holds no secret; remove it and a new one is made (old links stay valid)")
    return secret
