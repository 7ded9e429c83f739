"""The token of a server that has no state: it is drawn anew, or kept in a file."""

import secrets
from pathlib import Path

from mainspring.access.errors import SecretFileRefused
from mainspring.access.record import has_form_of_token
from mainspring.access.secret_file import new_secret_file, secret_in

__all__ = ["bare_token", "kept_token"]

_SECRET_BYTES = 32
_SHORTEST = 32


def bare_token() -> str:
    """A token that nobody knows yet: 256 random bits as text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def kept_token(path: Path) -> str:
    """The token in a file, which gets a new one where it is not there yet.

    Raises: SecretFileRefused ACC-034 for a file that can hold no token.
    """
    if path.exists() or path.is_symlink():
        token = secret_in(path, only_private=True)
        if len(token) < _SHORTEST or not has_form_of_token(token):
            reason = f"it holds no token of at least {_SHORTEST} letters"
            raise SecretFileRefused(path=str(path), reason=reason)
        return token
    token = bare_token()
    with new_secret_file(path) as file:
        file.write(token)
    return token
