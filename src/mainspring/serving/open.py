"""Open a model version: its definition, encoding and artifact, each checked against its digest,
ready to answer.
"""

from mainspring.datasets.definition import (
    compile_training_set_definition,
    parse_training_set_definition,
)
from mainspring.datasets.encoding import parse_encoding
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.placement import ON_CPU, Placement
from mainspring.registry.read import read_artifact, read_object
from mainspring.registry.version import ModelVersion
from mainspring.serving.predict import ServedModel, compile_served_model

__all__ = ["open_version"]


def open_version(
    version: ModelVersion,
    *,
    objects: ObjectReader,
    scorers: ScorerLoader,
    partitions: int = 1,
    place: Placement = ON_CPU,
) -> ServedModel:
    """The version ready to answer.

    Args:
        partitions: into how many parts the online state that it reads is divided.
        place: where it is to compute.

    Raises: ArtifactChanged REG-002 when bytes were changed, ObjectMissing ENG-002 when they are
        gone, InvalidModel ENG-202 when they are no model; SRV-120 to SRV-122 where it cannot
        compute at its place.
    Cost: about 50 ms, most of it the model's own loading.
    """
    definition = parse_training_set_definition(read_object(objects, version, "definition"))
    encoding = parse_encoding(read_object(objects, version, "encoding"))
    scorer = scorers.open(read_artifact(objects, version), place)
    return compile_served_model(
        version.digest,
        version.label,
        compile_training_set_definition(definition, partitions=partitions),
        encoding=encoding,
        scorer=scorer,
        classes=version.class_names,
    )
