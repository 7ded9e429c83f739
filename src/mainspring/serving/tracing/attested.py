"""What was signed about a version, as lines for people; signatures are for loaders to check."""

from mainspring.elements.errors import MainspringError
from mainspring.gates.attest import read_envelopes
from mainspring.gates.attestation import parse_statement, statement_name
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read_environment import read_past_environment
from mainspring.registry.version import ModelVersion

__all__ = ["attested_lines"]


def attested_lines(
    version: ModelVersion,
    environment: str,
    map_version: int,
    *,
    state: StateReader,
    objects: ObjectReader,
) -> tuple[str, ...]:
    """What was signed about a version under the policy of a map of the environment, by gate; of a
    map that does not hold it, under any.
    """
    try:
        statements = [
            parse_statement(e.payload)
            for e in read_envelopes(state, objects, environment=environment, version=version.digest)
        ]
    except MainspringError as error:
        return (f"not available: {error.code} {error.message}",)
    past = read_past_environment(state, environment, map_version)
    pointers = past.pointers.values() if past else ()
    pointer = next((each for each in pointers if each.build_digest == version.digest), None)
    newest = {
        s.predicate_type: s
        for s in sorted(statements, key=lambda statement: statement.predicate.issued_at)
        if pointer is None or s.predicate.policy == pointer.policy_fingerprint
    }
    return tuple(
        (
            f"{'✓' if s.predicate.passed else '✗'} "
            f"{statement_name(kind).split('/', 1)[1]}: "
            f"{s.predicate.summary} — {s.predicate.actor}"
        )
        for kind, s in sorted(newest.items())
    )
