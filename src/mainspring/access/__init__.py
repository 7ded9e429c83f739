"""Who may do what: tokens with their actors and permissions; what is not permitted is denied.

Owns tokens, stored as digests, and the check that a token has a permission.  Which permission a
route or a verb requires is defined there.
"""

from mainspring.access.errors import NotPermitted, TokenMissing, TokenUnknown

__all__ = ["NotPermitted", "TokenMissing", "TokenUnknown"]
