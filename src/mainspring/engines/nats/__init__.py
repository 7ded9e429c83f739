"""NATS JetStream: the log on a server that many machines share.

One stream per workspace holds everything: a message is a whole call of `append`, and the order of
the stream is what decides.  Every client folds the messages in that order into an index of its own
(`fold`, `index`), so all of them come to the same heads, offsets and identities, and one that lost
its index makes it anew.  `log` is the port; it needs the extra `nats`, so import it from its
module.
"""

__all__: list[str] = []
