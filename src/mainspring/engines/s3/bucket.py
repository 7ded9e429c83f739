"""The address and credentials of a bucket, and whether it supports conditional writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError
from obstore.store import S3Store

from mainspring.engines.s3.errors import WritesUnconditional
from mainspring.ports.errors import StoreBusy, StoreFailed, StoreUnreachable

__all__ = ["S3Location", "require_conditional_writes", "translate_s3_errors"]

_PROBE = ".mainspring/conditional-write"
_OPENING = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class S3Location:
    """A bucket, and a place in it.

    Args:
        url: `s3://bucket/prefix`.
        endpoint: the address of a server that is not Amazon's, such as `http://127.0.0.1:9000`;
            empty: Amazon's.
        region: empty: what the environment of the process says.
        access_key_id, secret_access_key, session_token: empty: what the environment says, or the
            role of the machine.
    """

    url: str
    endpoint: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    @property
    def delta_options(self) -> dict[str, str]:
        """The settings of a Delta table in this bucket."""
        options = {f"AWS_{name.upper()}": value for name, value in self._settings().items()}
        return options | ({"AWS_ALLOW_HTTP": "true"} if self.endpoint.startswith("http:") else {})

    def open(self, *, retries: int = 10, patience: timedelta = timedelta(minutes=3)) -> S3Store:
        """A client of this place; nothing is asked of the server yet."""
        return S3Store.from_url(
            self.url,
            client_options={"allow_http": self.endpoint.startswith("http:")},
            retry_config={"max_retries": retries, "retry_timeout": patience},
            **self._settings(),  # type: ignore[arg-type]
        )

    def _settings(self) -> dict[str, str]:
        names = ("endpoint", "region", "access_key_id", "secret_access_key", "session_token")
        return {name: value for name in names if (value := getattr(self, name))}


def require_conditional_writes(bucket: S3Location) -> None:
    """See whether a server is there, lets us in, and makes an object once only.  Cost: one request,
    two the first time.

    Raises: StoreUnreachable ENG-012 when none answers, WritesUnconditional ENG-301 when it
        overwrites, StoreFailed ENG-001 when it refuses.
    """
    store, name = bucket.open(retries=2, patience=_OPENING), f"bucket {bucket.url}"
    try:
        with translate_s3_errors(name, "open"):
            was_made_twice = _made(store) and _made(store)
    except StoreBusy as busy:
        raise StoreUnreachable(
            store=name, reason=_first_line(busy.__cause__), start="the server at its endpoint"
        ) from busy
    if was_made_twice:
        raise WritesUnconditional(bucket=name)


@contextmanager
def translate_s3_errors(store: str, operation: str) -> Iterator[None]:
    """Raise ENG-009 or ENG-001 in place of the client's own errors; it has tried again by itself
    what may pass.
    """
    try:
        yield
    except GenericError as error:
        raise StoreBusy(store=store, operation=operation) from error
    except (BaseError, OSError) as error:
        raise StoreFailed(store=store, operation=operation, reason=_first_line(error)) from error


def _made(store: S3Store) -> bool:
    try:
        obstore.put(store, _PROBE, b"made once", mode="create")
    except AlreadyExistsError:
        return False
    return True


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
