"""Decode what strangers sent in a process of its own.

A damaged or hostile Arrow or Parquet body can make its reader ask for more memory than there is,
and that ends the process, not the call.  Checking such a body before its reader sees it would take
a second reader of both formats that knows the faults of the first; so the reader itself is put
where it can do no harm: in a child that has bounded memory and time, no secrets, and is started
again when it died.  It is started when it is first needed (0.3 s), and ends with this process.
"""

import io
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from mainspring.ports.errors import BadRequest, BodyTooComplex, StoreBusy
from mainspring.ports.limits import MAX_JSON_DEPTH
from mainspring.ports.waiting import patience_s

__all__ = ["BodyDecoder", "DecodingLimits"]

_CHILD = "mainspring.engines.local.child"
_MODULE = "mainspring.engines.local.decode_child"
_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TMPDIR")
_THREADS = "POLARS_MAX_THREADS"
_PIECE = 1 << 20
_PATIENCE_S = 15.0
_ENDED = "its reader ended on it"


@dataclass(frozen=True, kw_only=True)
class DecodingLimits:
    """What one body may ask for.

    Args:
        columns: with all that lies in them; `depth`: how many types lie in each other.
        size_bytes: of all values, each for itself, once they are decoded; `file_size_bytes`: of
            those of 65,536 rows of a file, as many as are read at once.
        memory_bytes: of the process that decodes.
        timeout_s: for one body; `file_timeout_s`: for one file.
    """

    rows: int
    columns: int = 1_000
    depth: int = MAX_JSON_DEPTH
    size_bytes: int = 256 * 1024 * 1024
    file_size_bytes: int = 1024 * 1024 * 1024
    memory_bytes: int = 8 * 1024 * 1024 * 1024
    timeout_s: float = 20.0
    file_timeout_s: float = 600.0


class BodyDecoder:
    """Decodes Arrow and Parquet, one body at a time; any thread may call it."""

    def __init__(self, limits: DecodingLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._ending: Callable[[], object] | None = None

    def decode(self, body: bytes, form: str) -> pl.DataFrame:
        """The rows of a body.

        Args:
            form: `Arrow stream`, `Arrow file` or `Parquet file`.

        Raises: BadRequest SRV-004 for what is no such body, BodyTooComplex SRV-044 beyond the
            limits, StoreBusy ENG-009 where others are decoded for too long.
        """
        limits = self._limits
        request = {
            "form": form,
            "rows": limits.rows,
            "columns": limits.columns,
            "depth": limits.depth,
            "size_bytes": limits.size_bytes,
        }
        payload = self._ask(request, body, form=form, timeout_s=limits.timeout_s)
        return pl.read_ipc_stream(io.BytesIO(payload))

    def examine_file(self, path: Path) -> None:
        """Return if a Parquet file can be read to its end.  Raises: as `decode`."""
        limits = self._limits
        request = {
            "path": str(path),
            "columns": limits.columns,
            "depth": limits.depth,
            "size_bytes": limits.file_size_bytes,
        }
        self._ask(request, b"", form="Parquet file", timeout_s=limits.file_timeout_s)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(
        self, request: Mapping[str, object], body: bytes, *, form: str, timeout_s: float
    ) -> bytes:
        if not self._lock.acquire(timeout=patience_s(_PATIENCE_S)):
            raise StoreBusy(store="the decoder of bodies", operation="read")
        try:
            answer, payload = self._exchanged(request, body, time.monotonic() + timeout_s)
        except (OSError, ValueError, EOFError, TimeoutError) as error:
            self._end()
            said = "it takes too long" if isinstance(error, TimeoutError) else _ENDED
            raise BadRequest(reason=f"the body is no {form}: {said}") from error
        except BaseException:
            # Half an answer would be taken for the beginning of the next.
            self._end()
            raise
        finally:
            self._lock.release()
        if "reason" in answer:
            raise BadRequest(reason=f"the body is no {form}: {answer['reason']}")
        if "found" in answer:
            raise BodyTooComplex(found=str(answer["found"]), limit=str(answer["limit"]))
        return payload

    def _exchanged(
        self, request: Mapping[str, object], body: bytes, until: float
    ) -> tuple[dict[str, Any], bytes]:
        child = self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        head = {**request, "bytes": len(body), "memory_bytes": self._limits.memory_bytes}
        _write(child.stdin, json.dumps(head).encode() + b"\n", until)
        _write(child.stdin, body, until)
        line = bytearray()
        while not line.endswith(b"\n"):
            line += _read(child.stdout, 1, until)
        answer: dict[str, Any] = json.loads(line)
        payload = bytearray()
        while len(payload) < int(answer["bytes"]):
            payload += _read(child.stdout, int(answer["bytes"]) - len(payload), until)
        return answer, bytes(payload)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is None or self._child.poll() is not None:
            self._end()
            passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            self._child = subprocess.Popen(
                [sys.executable, "-m", _CHILD, str(os.getpid()), _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**passed_on, _THREADS: "1"},
                start_new_session=True,
                bufsize=0,
            )
            # Also where whoever has this object only forgets it.
            self._ending = weakref.finalize(self, _end, self._child)
            for pipe in (self._child.stdin, self._child.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
        return self._child

    def _end(self) -> None:
        self._child = None
        if self._ending is not None:
            self._ending()


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    child.wait()


def _write(pipe: IO[bytes], payload: bytes, until: float) -> None:
    left = memoryview(payload)
    while left:
        _wait(pipe, select.POLLOUT, until)
        left = left[os.write(pipe.fileno(), left[:_PIECE]) :]


def _read(pipe: IO[bytes], most: int, until: float) -> bytes:
    _wait(pipe, select.POLLIN, until)
    found = os.read(pipe.fileno(), min(most, _PIECE))
    if not found:
        raise EOFError
    return found


def _wait(pipe: IO[bytes], event: int, until: float) -> None:
    poll = select.poll()
    poll.register(pipe.fileno(), event)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError
