"""`ScriptedModel`: a model whose answers a test writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat import PoeChatModel
from ..client import NO_RETRY
from ..errors import ConfigurationError
from ..local import Call, FakePoe, Scripted


class ScriptedModel(PoeChatModel):
    """A `ChatModel` that answers as scripted, for handlers that ask for one.

    ``answers`` are given one after the other, and the last one stays: texts, or what `FakePoe.bot` takes, with
    thoughts, calls of tools, errors and cuts. All the rest is real: requests are built, streamed, parsed, and tools are
    run. Only nothing is tried again, so that a scripted error is raised at once. ``calls`` is what the model was asked.
    """

    def __init__(
        self, *answers: Scripted, model: str = "scripted", model_options: Mapping[str, Any] | None = None
    ) -> None:
        if not answers:
            raise ConfigurationError('A scripted model needs at least one answer: ScriptedModel("Hello!").')
        self._poe = FakePoe()
        self._poe.bot(model, answers[0] if len(answers) == 1 else list(answers))
        super().__init__(
            api_key="scripted",
            model=model,
            model_options=model_options,
            transport=self._poe.transport(),
            retry=NO_RETRY,
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        """The requests so far, oldest first: ``.text``, ``.request.query``, and ``.body`` as it was sent."""
        return tuple(self._poe.calls)
