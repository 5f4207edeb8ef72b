"""Settings, and parameters that a pydantic model declares once: as controls at Poe and as values here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from poe_asgi import Answer, Bot, QueryContext, Settings, create_app
from poe_asgi.protocol import InSection, OnlyIf, Placeholder


class Options(BaseModel):
    voice: Literal["plain", "loud", "quiet"] = "plain"
    times: int = Field(1, ge=1, le=5, title="How often", description="The text is said so many times.")
    signed: Annotated[bool, InSection("Signature", collapsed=True)] = False
    name: Annotated[str, InSection("Signature"), OnlyIf("signed", "eq", True), Placeholder("Your name")] = ""


bot = Bot(
    "Options",
    settings=Settings(introduction_message="Choose a voice and say something.", allow_attachments=False),
    parameters=Options,
)


@bot.query
async def say(ctx: QueryContext) -> Answer:
    options = ctx.parameters_as(Options)  # a value that does not fit ends the answer as the user's error
    text = ctx.text
    if options.voice == "loud":
        text = text.upper()
    elif options.voice == "quiet":
        text = text.lower()
    yield " ".join([text] * options.times)
    if options.signed:
        yield f"\n\n{options.name or 'Anonymous'}"


app = create_app(bot, allow_without_key=True)
