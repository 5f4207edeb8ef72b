"""A saved conversation, asked again: its questions in order, and its answers held against the new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._conversation import Conversation
from ._files import keep
from ._refusal import RefusedError
from ._saving import SavedTurn, turns_of

if TYPE_CHECKING:
    from ._desk import Desk


class Replay:
    """The conversation that is made, and what is to be said in it."""

    def __init__(self, desk: Desk, conversation: Conversation, turns: Sequence[SavedTurn]) -> None:
        self.conversation = conversation
        self._desk = desk
        self._turns = turns

    @classmethod
    def of(cls, desk: Desk, body: bytes) -> Replay:
        """A new conversation for this file. Raises RefusedError."""
        title, turns = turns_of(body)
        return cls(desk, desk.new_conversation(f"Replay: {title}" if title else "Replay"), turns)

    async def run(self) -> None:
        """Ask everything. It ends early where the user stops an answer, or deletes the conversation."""
        desk, key = self._desk, self.conversation.key
        for turn in self._turns:
            try:
                if turn.cleared:
                    desk.clear(key)
                    continue
                files = [await keep(desk, *file) for file in turn.files]
                answer = desk.ask(key, turn.text, files, turn.parameters)
            except RefusedError:
                return
            answer.saved_text = turn.answer
            last = await desk.answered(key)
            if last is None or last.status == "stopped":
                return
