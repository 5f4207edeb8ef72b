"""A conversation as a pytest test: what the bot said is what it shall say.

Other bots answer in the test as they answered here, so it needs no network, whoever they were.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from textwrap import indent, wrap
from typing import TYPE_CHECKING

from ..protocol import Attachment, Message
from ._conversation import Answer, Cleared, Conversation, Question
from ._exchanges import breaks
from ._files import content_of
from ._refusal import RefusedError
from ._source import Source, call, literal
from ._upstream_scripts import scripts_of

if TYPE_CHECKING:
    from ._desk import Desk

_MOST_BYTES = 2**20  # of an attachment that is written into a test
_ERROR_ID = re.compile(r"\(error [0-9a-f]{8}\)")


def as_test(desk: Desk, conversation: Conversation) -> str:
    """The source of a module with one test. Raises RefusedError."""
    answers = [entry for entry in conversation.entries if isinstance(entry, Answer)]
    if not answers:
        raise RefusedError("Nothing has been said yet.")
    if conversation.busy:
        raise RefusedError("The bot is still answering.")
    module, _, name = desk.imported_from.partition(":")
    source = Source()
    source.use("pytest")
    source.use(module, name)
    scripts = scripts_of(desk.poe, answers, source)
    fixtures = "poe_tester, fake_poe" if scripts else "poe_tester"
    allowed = sorted({each.rule.id for answer in answers for each in breaks(answer.exchange.reader.violations)})
    tester = f"poe_tester({name}, allow={literal(tuple(allowed))})" if allowed else f"poe_tester({name})"
    lines = [*scripts, f"async with {tester} as chat:"]
    for entry in conversation.entries:
        match entry:
            case Cleared():
                lines.append("    chat.clear()")
            case Question(message):
                turn = _attached(desk, message, source)
                said: Sequence[Answer | None] = conversation.answers_to(entry) or [None]
                for answer in said:
                    turn += [*_asked(message, answer, source), *_reactions(answer)]
                lines += (indent(line, "    ") for line in turn)
    title = _slug(conversation.title)
    body = indent("\n".join(lines), "    ")
    return source.module(
        '"""A conversation, as it went in the playground."""',
        f"@pytest.mark.asyncio\nasync def test_{title}({fixtures}):\n{body}\n",
    )


def _asked(message: Message, answer: Answer | None, source: Source) -> list[str]:
    """The lines that say this message, and hold the reply against the answer."""
    arguments = [literal(message.content), *(f"file_{number}" for number, _ in enumerate(message.attachments, 1))]
    if message.parameters:
        arguments.append(f"parameters={literal(message.parameters)}")
    if answer is not None and answer.status == "stopped":
        # What it would have said is not known, and it may never end; how much came in time is chance.
        events = min(2, answer.exchange.reader.events)
        return ["# stopped in the playground", call("await chat.ask", *arguments, f"disconnect_after={events}")]
    asking = call("await chat.ask", *arguments)
    if answer is None:
        return [asking]
    reader = answer.exchange.reader
    if answer.status == "failed" and not answer.exchange.frames:
        source.use("poe_asgi.testing", "UnexpectedAnswerError")
        return ["with pytest.raises(UnexpectedAnswerError):", indent(asking, "    ")]
    lines = [f"reply = {asking}", f"assert reply.text == {literal(reader.text)}"]
    if reader.suggested_replies:
        lines.append(f"assert reply.suggested_replies == {literal(tuple(reader.suggested_replies))}")
    if reader.files:
        names = tuple(file.name for file in reader.files)
        lines.append(f"assert tuple(file.name for file in reply.files) == {literal(names)}")
    if answer.error is None:
        lines.append("assert reply.error is None")
    elif _ERROR_ID.search(answer.error.text):  # another one each time
        lines.append("assert reply.error is not None")
    else:
        lines += ["assert reply.error is not None", f"assert reply.error.text == {literal(answer.error.text)}"]
    if answer.sent_again:
        return ["before = chat.messages", *lines, "chat.messages = before  # Poe sends the question again"]
    return lines


def _reactions(answer: Answer | None) -> list[str]:
    if answer is None:
        return []
    reactions = [f"await chat.react({literal(reaction)})" for reaction in answer.reactions]
    return [*reactions, *([f"await chat.feedback({literal(answer.feedback)})"] if answer.feedback else [])]


def _attached(desk: Desk, message: Message, source: Source) -> list[str]:
    """The lines that upload the attachments of a message."""
    lines: list[str] = []
    for number, file in enumerate(message.attachments, 1):
        lines += _uploaded(desk, file, f"file_{number}", source)
    return lines


def _uploaded(desk: Desk, file: Attachment, name: str, source: Source) -> list[str]:
    content = content_of(desk, file.url) or b""
    if len(content) > _MOST_BYTES:
        raise RefusedError(f"{file.name} is too large to be written into a test.")
    source.use("poe_asgi", "PoeClient")
    if file.content_type.startswith("text/") and _is_text(content):
        data = literal(content.decode())
    else:
        source.use("base64", "b64decode")
        encoded = "".join(f"{line}\n" for line in wrap(b64encode(content).decode("ascii"), 100))
        data = call("b64decode", literal(encoded))
    named = (f"name={literal(file.name)}", f"content_type={literal(file.content_type)}")
    uploading = call(f"{name} = await poe.upload", data, *named)
    lines = ['async with PoeClient(api_key="any") as poe:', indent(uploading, "    ")]
    if file.parsed_content is not None:
        source.use("poe_asgi.protocol", "Attachment")
        same = (f"{each}={name}.{each}" for each in ("url", "name", "content_type"))
        lines.append(call(f"{name} = Attachment", *same, f"parsed_content={literal(file.parsed_content)}"))
    return lines


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _slug(title: str) -> str:
    words: Sequence[str] = re.findall(r"[a-z0-9]+", title.lower())[:8]
    return "_".join(words) or "the_conversation"
