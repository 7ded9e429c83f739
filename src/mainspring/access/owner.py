"""The owner's token of a workspace, in a file that only they can read, so that printed commands can
use it.
"""

from contextlib import suppress
from pathlib import Path

from mainspring.access.authorise import find_token, require_valid
from mainspring.access.errors import SecretFileRefused, TokenUnknown
from mainspring.access.scope import PERMISSIONS
from mainspring.access.secret_file import replace_secret, secret_in
from mainspring.access.tokens import Tokens
from mainspring.elements.events import Actor
from mainspring.elements.time import Micros
from mainspring.ports.state import StateReader

__all__ = ["load_or_create_token"]


def load_or_create_token(
    path: Path,
    state: StateReader,
    tokens: Tokens,
    *,
    actor: Actor,
    environments: list[str],
    at: Micros,
) -> str:
    """The owner's token for some environments: that of the file, else a new one in its place.

    It has all permissions and does not expire, for it lies where the keys of the workspace lie:
    whoever revokes it has another one made when it is needed next.  A file that is a link, that
    others can open, or whose token is worth nothing any more or not enough, is replaced.

    Raises: SecretFileRefused ACC-034 where no file can be made.
    """
    with suppress(SecretFileRefused, TokenUnknown):
        token = secret_in(path, only_private=True)
        record = require_valid(find_token(state, token), at=at)
        holds_all = all(map(record.scope.holds_environment, environments))
        # An earlier release knew fewer permissions.
        if holds_all and set(PERMISSIONS) <= set(record.permissions):
            return token
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    created = tokens.create(actor, PERMISSIONS, environments=environments, lifetime=None)
    replace_secret(path, created.token)
    return created.token
