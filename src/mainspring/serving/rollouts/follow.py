"""How the roll-out on record says that an endpoint answers."""

from dataclasses import replace

from mainspring.serving.predict import ServedModel
from mainspring.serving.rollouts.state import EndpointRollout
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = ["following", "stable_elsewhere"]


def stable_elsewhere(endpoint: ServedEndpoint, stands: EndpointRollout | None) -> bool:
    """Whether another revision than the map's is in charge, so that its model is needed, too."""
    return (
        stands is not None
        and endpoint.revision is not None
        and stands.stable.name != endpoint.revision.name
    )


def following(
    endpoint: ServedEndpoint, stands: EndpointRollout | None, stable: ServedModel | None
) -> ServedEndpoint:
    """The endpoint with the shares that are on record.

    Args:
        stable: the model in charge where that is another than the map's; None where it cannot be
            opened any more, and then the map's answers all: better a revision too early than none.
    """
    if stands is None or stable is None or not stable_elsewhere(endpoint, stands):
        return replace(endpoint, stands=stands, previous=None, in_charge="", share=100)
    is_candidate = (
        stands.candidate is not None
        and endpoint.revision is not None
        and stands.candidate.name == endpoint.revision.name
    )
    return replace(
        endpoint,
        stands=stands,
        previous=stable,
        in_charge=stands.stable.name,
        share=stands.share if is_candidate else 0,
        sticky=stable.entity_columns(),
    )
