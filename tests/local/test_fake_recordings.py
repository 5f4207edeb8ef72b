"""What the bots of a local Poe answered is written down, and can be played again; the real Poe can stand behind it."""

from __future__ import annotations

import pytest

from poe_asgi import File, PoeClient, SuggestedReply
from poe_asgi.errors import ForbiddenError, UpstreamError
from poe_asgi.local import Cut, FakePoe, HttpAnswer, Played, Script, http_error, real_bots
from poe_asgi.protocol import Json, Message, Text


def client(poe: FakePoe) -> PoeClient:
    return PoeClient(api_key="mine", transport=poe.transport())


def script(played: Played) -> Script:
    answer = played.answer()
    assert isinstance(answer, Script)
    return answer


@pytest.mark.asyncio
async def test_an_answer_is_written_down_and_plays_the_same_again() -> None:
    poe, again = FakePoe(), FakePoe()
    picture = File(url="https://example.com/1.png", name="1.png", content_type="image/png")
    poe.bot("Claude", Script("Be", Text("cause "), "of the air.", picture, SuggestedReply("Why?")))
    reply = await client(poe).ask("claude", "Why is the sky blue?")
    (played,) = poe.played
    assert played.call.text == "Why is the sky blue?"
    assert (played.stand_in, played.complete) == (False, True)
    assert script(played).steps == ("Because of the air.", picture, SuggestedReply("Why?"))
    again.bot("Claude", played.answer())
    repeated = await client(again).ask("Claude", "Why is the sky blue?")
    assert (repeated.text, repeated.files, repeated.suggested_replies) == (
        reply.text,
        reply.files,
        reply.suggested_replies,
    )


@pytest.mark.asyncio
async def test_a_stand_in_and_a_refusal_are_told_apart() -> None:
    poe = FakePoe()
    poe.bot("Broke", http_error(403, "No."))
    await client(poe).ask("Anybody", "hi")
    with pytest.raises(ForbiddenError):
        await client(poe).ask("Broke", "hi")
    first, second = poe.played
    assert first.stand_in
    assert not second.stand_in
    assert isinstance(second.answer(), HttpAnswer)


@pytest.mark.asyncio
async def test_what_was_said_before_a_break_is_kept() -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("Because of", Cut()))
    with pytest.raises(UpstreamError):
        await client(poe).ask("Claude", "hi")
    assert script(poe.played[0]).steps == ("Because of", Cut())


@pytest.mark.asyncio
async def test_bots_that_are_not_scripted_can_be_answered_for_in_one_place() -> None:
    poe = FakePoe()
    poe.bot("Claude", "Claude speaks.")
    poe.otherwise(lambda call: f"{call.bot} heard {call.text}")
    assert (await client(poe).ask("GPT", "hi")).text == "GPT heard hi"
    assert (await client(poe).ask("Claude", "hi")).text == "Claude speaks."
    assert [played.stand_in for played in poe.played] == [False, False]
    poe.otherwise(None)
    assert (await client(poe).ask("GPT", "hi")).text.startswith("GPT is not here")


@pytest.mark.asyncio
async def test_the_real_poe_answers_with_its_owners_key_and_without_our_ids() -> None:
    real, poe = FakePoe(keys=["real"]), FakePoe()
    real.bot("Claude", Script("Because", Json({"choices": []}), SuggestedReply("Why?")))
    poe.otherwise(real_bots("real", transport=real.transport()))
    messages = [Message("system", "Be brief."), Message("user", "Why?", parameters={"effort": "low"})]
    reply = await client(poe).ask("Claude", messages, temperature=0.5)
    assert (reply.text, reply.suggested_replies) == ("Because", ("Why?",))
    (call,) = real.calls
    assert [message.content for message in call.request.query] == ["Be brief.", "Why?"]
    assert call.request.query[-1].parameters == {"effort": "low"}
    assert call.request.temperature == 0.5
    assert (call.request.user_id, call.request.conversation_id, call.request.message_id) == ("", "", "")
    assert script(poe.played[0]).steps == ("Because", Json({"choices": []}), SuggestedReply("Why?"))


@pytest.mark.asyncio
async def test_what_the_real_poe_refuses_or_breaks_off_comes_as_it_is() -> None:
    real, poe = FakePoe(), FakePoe()
    poe.otherwise(real_bots("real", transport=real.transport()))
    real.bot("Locked", http_error(403, "No."))
    real.bot("Short", Script("Because", done=False))
    with pytest.raises(ForbiddenError, match="No"):
        await client(poe).ask("Locked", "hi")
    with pytest.raises(UpstreamError):
        await client(poe).ask("Short", "hi")
    assert script(poe.played[-1]).steps == ("Because", Cut())
