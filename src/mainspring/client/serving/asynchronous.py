"""The client for an event loop of asyncio."""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx
import msgspec

from mainspring.client.serving.answers import (
    FeatureRow,
    FeedbackAnswer,
    Inference,
    PredictionAnswer,
    Replay,
)
from mainspring.client.serving.attempts import Attempts, CallRetries, Failure
from mainspring.client.serving.calls import (
    Row,
    ServerAnswer,
    ServerCall,
    document_call,
    features_call,
    feedback_call,
    infer_call,
    predict_call,
    ready_call,
    replay_call,
)
from mainspring.client.serving.connecting import (
    Address,
    TlsFiles,
    answer_of,
    failure_of,
    limits_of,
)
from mainspring.client.serving.tensors import Tensors

__all__ = ["AsyncServingClient"]

Result = TypeVar("Result")


class AsyncServingClient:
    """Asks one server; any number of tasks may use it.  Provisional.

    Use it in an `async with` block, or call `close`.

    Args:
        url: of the server, such as `http://127.0.0.1:8000`.
        token, token_file: who calls; a file is read at each call.
        timeout_s: for one call with all its repetitions; the server is told.
        retries: how a call is sent again.
        connections: that are open at most, and kept.

    Raises: ValueError for what is no address, FileRefused ENG-031 for files that cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        token_file: Path | None = None,
        timeout_s: float = 10.0,
        retries: CallRetries | None = None,
        connections: int = 100,
        tls: TlsFiles | None = None,
    ) -> None:
        self._address = Address(url, token, token_file)
        self._timeout_s, self._retries = timeout_s, retries or CallRetries()
        self._http = httpx.AsyncClient(
            limits=limits_of(connections), verify=(tls or TlsFiles()).context(), trust_env=False
        )

    async def predict(
        self,
        endpoint: str,
        rows: Row | Sequence[Row],
        *,
        timeout_s: float | None = None,
        repeat_lost: bool = False,
        explain: bool = False,
    ) -> list[PredictionAnswer]:
        """A prediction for each row.

        Args:
            repeat_lost: send it again after a lost answer too, so that it may be logged twice.
            explain: say what each feature has added to the raw score.

        Raises: RequestRefused SRV-060, ServerUnreachable SRV-061, CallTimedOut SRV-064, AnswerLost
            SRV-065, AnswerUnreadable SRV-066.
        """
        asked = predict_call(endpoint, rows, repeat_lost=repeat_lost, explain=explain)
        return await self._ask(asked, timeout_s)

    async def features(
        self,
        features: str | Sequence[str],
        rows: Row | Sequence[Row],
        *,
        at: str | int | None = None,
        timeout_s: float | None = None,
    ) -> list[FeatureRow]:
        """The features of each row.

        Args:
            features: views, feature sets and `view:feature`, by name.
            rows: the join keys, and what on-demand views read.
            at: an instant, ISO 8601 or microseconds; None: now.

        Raises: as `predict`.
        """
        return await self._ask(features_call(features, rows, at), timeout_s)

    async def feedback(
        self,
        rows: Row | Sequence[Row],
        *,
        endpoint: str = "",
        replace: bool = False,
        timeout_s: float | None = None,
    ) -> FeedbackAnswer:
        """Send labels of predictions back, to the source that the endpoint's label is read from.

        Args:
            rows: each with `prediction`, the id of an answer, or with the columns that its label is
                joined by; and with `label`, or the columns of the label's source.
            endpoint: of the rows that name no prediction.
            replace: the rows correct earlier ones of the same id.

        Raises: as `predict`; a row that belongs to no label is in `refused` of the answer.
        """
        call = feedback_call(rows, endpoint=endpoint, replace=replace)
        return await self._ask(call, timeout_s)

    async def replay(self, prediction: str, *, timeout_s: float | None = None) -> Replay:
        """A prediction, recomputed.  Raises: as `predict`."""
        return await self._ask(replay_call(prediction), timeout_s)

    async def infer(
        self,
        model: str,
        inputs: Tensors,
        *,
        outputs: Sequence[str] = (),
        version: str = "",
        is_binary: bool = True,
        timeout_s: float | None = None,
    ) -> Inference:
        """What a model makes of tensors, by the Open Inference Protocol; nothing is logged.

        Args:
            is_binary: tensors are sent and asked for as their bytes; False: as JSON.

        Raises: as `predict`, and ValueError for an array that no datatype holds.
        """
        call = infer_call(model, inputs, outputs=outputs, version=version, is_binary=is_binary)
        return await self._ask(call, timeout_s)

    async def is_ready(self, *, timeout_s: float | None = None) -> bool:
        """Whether the server answers for all that it holds.  Raises: as `predict`."""
        return await self._ask(ready_call(), timeout_s)

    async def openapi(self, *, timeout_s: float | None = None) -> dict[str, object]:
        """The OpenAPI document of the server.  Raises: as `predict`."""
        return await self._ask(document_call(), timeout_s)

    async def close(self) -> None:
        """Leave."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncServingClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _ask(self, call: ServerCall[Result], timeout_s: float | None) -> Result:
        attempts = Attempts(
            call,
            self._address.url,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            retries=self._retries,
            steady_s=time.monotonic,
            draw=random.random,
        )
        while True:
            outcome = await self._exchange(call, attempts)
            pause = attempts.pause_after(outcome)
            if pause is None and isinstance(outcome, ServerAnswer):
                try:
                    return call.parse(outcome)
                except (ValueError, msgspec.MsgspecError) as error:
                    raise attempts.unreadable(error) from error
            await asyncio.sleep(pause or 0)

    async def _exchange(
        self, call: ServerCall[Result], attempts: Attempts
    ) -> ServerAnswer | Failure:
        headers = {**call.headers, **self._address.headers(), **attempts.deadline_headers()}
        left_s = attempts.left_s()
        try:
            async with asyncio.timeout(left_s):
                response = await self._http.request(
                    call.method,
                    self._address.url + call.path,
                    content=call.body or None,
                    headers=headers,
                    timeout=left_s,
                )
                return answer_of(response, response.content)
        except httpx.TransportError as error:
            return failure_of(error)
        except TimeoutError:
            return Failure("the time has passed", was_sent=True, is_timeout=True)
