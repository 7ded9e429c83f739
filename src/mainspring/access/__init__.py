"""Who may do what: tokens with their actors, permissions and scopes; what is not permitted is
denied.

Owns tokens, stored as digests, and the check that a token is for what a request asks.  Which
permission a route or a verb requires, and what it is about, is defined there.
"""

from mainspring.access.errors import NotPermitted, OutOfScope, TokenMissing, TokenUnknown

__all__ = ["NotPermitted", "OutOfScope", "TokenMissing", "TokenUnknown"]
