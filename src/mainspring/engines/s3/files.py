"""Files of users in a bucket, copied here and back."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import obstore

from mainspring.engines.s3.bucket import S3Location, translate_s3_errors

__all__ = ["S3Files"]


class S3Files:
    """The files of one bucket.

    Args:
        bucket: its address and credentials; a prefix is no part of the files' names.
    """

    def __init__(self, bucket: S3Location) -> None:
        root = f"s3://{urlsplit(bucket.url).netloc}"
        self._name, self._store = root, replace(bucket, url=root).open()

    def tag(self, url: str) -> str:
        """The tag and size of the object; empty where there is none."""
        with translate_s3_errors(self._name, "look"):
            try:
                meta = obstore.head(self._store, _key(url))
            except FileNotFoundError:
                return ""
        return _tag(meta)

    def download(self, url: str, path: Path) -> str:
        """Copy the object into a file, piece by piece."""
        with translate_s3_errors(self._name, "read"):
            found = obstore.get(self._store, _key(url))
            path.touch(mode=0o600)
            with path.open("wb") as file:
                for piece in found.stream():
                    file.write(piece)
            return _tag(found.meta)

    def upload(self, path: Path, url: str) -> None:
        """Put the file there, in parts where it is large; S3 shows it when it has all of it."""
        with translate_s3_errors(self._name, "write"):
            obstore.put(self._store, _key(url), path)


def _key(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _tag(meta: "obstore.ObjectMeta") -> str:
    return f"{meta['e_tag']}:{meta['size']}"
