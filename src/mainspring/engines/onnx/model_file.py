"""The bytes of a model that lies in a file of somebody's."""

import os
import stat
from pathlib import Path

from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.scan import ScanLimits

__all__ = ["read_model_file"]


def read_model_file(path: Path) -> bytes:
    """The bytes of a plain file of a size that a model may have: a pipe would never end.  Raises:
    InvalidModel ENG-202.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidModel(reason=f"{path} is no plain file")
        # One more than is allowed is enough for the scan to say so.
        return file.read(ScanLimits().size_bytes + 1)
