"""Which revision answers an entity: chosen by its key and not by chance, so that it sees one."""

import hashlib

__all__ = ["takes_share"]


def takes_share(key: str, share: int, *, salt: str = "") -> bool:
    """Whether the candidate answers this entity; a larger share keeps a smaller one's.

    Args:
        key: of the entity, or of the request where it names none.
        share: per cent.
        salt: the name of the candidate, so that the next roll-out begins with others.

    >>> sum(takes_share(f"p{i}", 25) for i in range(1000)) in range(200, 300)
    True
    """
    if share in (0, 100):
        return share == 100
    digest = hashlib.blake2b(key.encode(), digest_size=4, salt=salt.encode()[:16]).digest()
    return int.from_bytes(digest) % 10_000 < share * 100
