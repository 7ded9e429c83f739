"""Open a model version: its definition, encoding and artifact, each checked against its digest,
ready to answer.
"""

from mainspring.datasets.definition import compile_definition, parse_definition
from mainspring.datasets.encoding import parse_encoding
from mainspring.ports.models import Scorers
from mainspring.ports.objects import ObjectReader
from mainspring.registry.read import read_artifact, read_object
from mainspring.registry.version import ModelVersion
from mainspring.serving.predict import ServedModel, serve_model

__all__ = ["open_version"]


def open_version(
    version: ModelVersion, *, objects: ObjectReader, scorers: Scorers, partitions: int = 1
) -> ServedModel:
    """The version ready to answer.

    Args:
        partitions: into how many parts the online state that it reads is divided.

    Raises: REG-002 when bytes were changed, ENG-002 when they are gone, ENG-202 when they are no
        model.
    Cost: about 50 ms, most of it the model's own loading.
    """
    definition = parse_definition(read_object(objects, version, "definition"))
    encoding = parse_encoding(read_object(objects, version, "encoding"))
    scorer = scorers.open(read_artifact(objects, version))
    return serve_model(
        version.digest,
        version.label,
        compile_definition(definition, partitions=partitions),
        encoding=encoding,
        scorer=scorer,
    )
