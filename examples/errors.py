"""How an answer fails: on purpose, by somebody else's exception, by a bug; and how a fallback saves it."""

from __future__ import annotations

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    QueryContext,
    ReplaceResponse,
    UserMessageTooLongError,
    create_app,
)

LONGEST = 1_000


class OutOfStockError(Exception):
    """Stands for an exception of a library that knows nothing of Poe."""


bot = Bot("Errors", errors={OutOfStockError: AnswerError("There is none left today.", allow_retry=True)})


async def shaky() -> Answer:
    """Stands for another service that fails half-way."""
    yield "The answer is for"
    raise ConnectionError


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    if len(ctx.text) > LONGEST:
        raise UserMessageTooLongError(f"Please send at most {LONGEST:,} characters.")
    match ctx.text:
        case "refuse":
            raise AnswerError("I do not answer that.")
        case "order":
            raise OutOfStockError
        case "bug":
            # The user reads that something went wrong, and an id; this text and the traceback go to the log only.
            raise ValueError("the password is swordfish")
        case "fallback":
            try:
                yield shaky()
            except ConnectionError:
                yield ReplaceResponse("The answer is 42.")  # what came of the first try disappears
        case _:
            yield "Say refuse, order, bug or fallback."


app = create_app(bot, allow_without_key=True)
