"""Revisions, and what they did."""

from mainspring.serving.rollouts.state import EndpointRevision, RevisionTally

OLD = EndpointRevision(name="old", version="sha256:" + "1" * 64, map_version=1)
NEW = EndpointRevision(name="new", version="sha256:" + "2" * 64, map_version=2)


def did(requests, *, failed=0, slow=0, scores=(), rows=None):
    """What a revision did: of its calls so many failed and so many were slow (bucket 30)."""
    latency = [0] * 40
    latency[10], latency[30] = requests - slow, slow
    return RevisionTally(
        requests=requests,
        failed=failed,
        rows=requests if rows is None else rows,
        latency=latency,
        scores=list(scores),
    )
