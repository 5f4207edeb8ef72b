"""One question and its answer under way: sent to the bot, read as Poe would, shown as it comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from .._clock import Timer, current_clock, until
from ..client import HttpResponse, read_bounded
from ..errors import ConnectionFailedError, ConnectTimeoutError, SSEError
from ..protocol import PROTOCOL_VERSION, Done, ErrorEvent, QueryRequest, new_identifier
from ._conversation import Answer, Conversation, Question, Status, microseconds
from ._exchanges import breaks
from ._files import for_a_while

if TYPE_CHECKING:
    from ._desk import Desk

_PAUSE = 0.04  # seconds between two looks at an answer
_SHARE = 0.2  # of the time may go into rendering
_HINTS = {
    401: "Its key is another one. Give the bot's access key to the playground.",
    404: "There is no bot at this path.",
    405: "There is no bot at this path.",
}


class Asking:
    """Reads one answer, in a task of its own, which `run` is."""

    def __init__(self, desk: Desk, conversation: Conversation, question: Question, *, second: bool = False) -> None:
        request = QueryRequest(
            for_a_while(desk, conversation.history(), current_clock().time()),
            version=PROTOCOL_VERSION,
            user_id=conversation.user_id,
            conversation_id=conversation.conversation_id,
            message_id=new_identifier("m"),
            metadata=new_identifier("d"),
            bot_query_id=new_identifier("q"),
            query_creation_time=microseconds(),
        )
        exchange = desk.new_exchange(request.to_wire())
        self.answer = Answer(request.message_id, question, exchange, conversation.user_id, second=second)
        conversation.entries.append(self.answer)
        self._desk = desk
        self._conversation = conversation
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._pause = _PAUSE
        self._published = 0  # events
        self.finished = asyncio.Event()
        self._stopped = False

    async def run(self) -> None:
        """Ask, and listen to the end."""
        if self._stopped:
            self._finish("stopped")
            return
        self._task = asyncio.current_task()
        exchange, clock = self.answer.exchange, current_clock()
        played = len(self._desk.poe.played)
        self._publish()
        status: Status = "failed"
        try:
            limit = exchange.limits.total_seconds + 60
            status = await until(clock.time() + limit, self._listen())
        except (ConnectionFailedError, ConnectTimeoutError) as exc:
            exchange.problem = str(exc)
        except SSEError:
            pass  # the exchange has it
        except TimeoutError:
            exchange.problem = "The answer did not end in time."
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            status = "stopped"
        finally:
            exchange.end(clock.time(), left=self._stopped)
            self.answer.played = (played, len(self._desk.poe.played))
            self._finish(status)
        broken = breaks(exchange.reader.violations)
        if broken and not self._stopped and not exchange.problem:
            await self._desk.report_error(self._conversation, " ".join(each.detail for each in broken))

    async def stop(self) -> None:
        """The user leaves; returns once the bot has been told."""
        self._stopped = True
        if self._task is not None and not self.finished.is_set():
            self._task.cancel()
        await self.finished.wait()

    async def _listen(self) -> Status:
        exchange, clock = self.answer.exchange, current_clock()
        async with self._desk.target.post(exchange.body) as response:
            exchange.status, exchange.headers = response.status, response.headers
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status != 200 or kind != "text/event-stream":
                await self._refused(response, kind)
                return "failed"
            exchange.streamed = True
            async for chunk in response.chunks():
                events = exchange.feed(chunk, clock.time())
                for event in events:
                    if isinstance(event, ErrorEvent):
                        self.answer.error = self.answer.error or event
                    self.answer.status = "streaming"
                if any(isinstance(event, Done) for event in events):
                    await self._after_done(response)
                    break
                self._publish_soon()
        return "error" if self.answer.error is not None else "done"

    async def _after_done(self, response: HttpResponse) -> None:
        """Read what follows `done`, if anything does, for a moment: it would break a rule."""
        exchange, clock = self.answer.exchange, current_clock()

        async def rest() -> None:
            async for chunk in response.chunks():
                exchange.feed(chunk, clock.time())

        with suppress(TimeoutError, ConnectionFailedError):
            await until(clock.time() + 0.2, rest())

    async def _refused(self, response: HttpResponse, kind: str) -> None:
        exchange = self.answer.exchange
        exchange.keep(await read_bounded(response, 64 * 2**10), current_clock().time())
        what = f"{response.status}" if response.status != 200 else f"{kind or 'no content type'}, not text/event-stream"
        exchange.problem = f"The bot answered {what}. {_HINTS.get(response.status, '')}".strip()

    # ---- telling the pages

    def _publish_soon(self) -> None:
        if self._timer is None:
            clock = current_clock()
            self._timer = clock.call_at(clock.time() + self._pause, self._publish)

    def _publish(self) -> None:
        self._timer = None
        clock = current_clock()
        began = clock.time()
        start = self.answer.render()
        self._desk.publish_answer(self._conversation, self.answer, start)
        exchange = self.answer.exchange
        self._desk.publish_exchange(exchange, self._published)
        self._published = len(exchange.frames)
        # A long text takes long to render; what else is to be done must not wait for it.
        self._pause = max(_PAUSE, (clock.time() - began) / _SHARE)

    def _finish(self, status: Status) -> None:
        if self._timer is not None:
            self._timer.cancel()
        answer = self.answer
        answer.status, answer.timestamp = status, microseconds()
        answer.exchange.calls = [
            {"bot": call.bot, "text": call.text, "surface": call.surface}
            for call in self._desk.poe.calls
            if call.request.message_id == answer.id
        ]
        may_retry = status == "error" and answer.error is not None and answer.error.allow_retry
        answer.sent_again = may_retry and not answer.second and not self._stopped
        self._publish()
        if answer.sent_again:
            self._desk.send_again(self._conversation, answer)
        self.finished.set()
        self._desk.publish_heads()
