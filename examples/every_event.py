"""Everything a handler can yield: strings, the five events, and other generators."""

from __future__ import annotations

from poe_asgi import (
    Answer,
    Bot,
    Data,
    File,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    create_app,
)

bot = Bot("Every-Event", meta=Meta(content_type="text/markdown", suggested_replies=False))


async def headline(topic: str) -> Answer:
    """A helper that answers in part; the handler yields it as a whole."""
    yield "# Thinking of a headline"
    yield ReplaceResponse(f"# All about {topic or 'nothing'}\n\n")


@bot.query
async def show(ctx: QueryContext) -> Answer:
    yield "A string is text. "
    yield Text("So is this event.\n\n")
    yield headline(ctx.text)  # what it replaces is its own text; the two sentences above stay
    # A file that is shown inside the text has to come before the text that names it.
    yield File(url="https://example.com/plot.png", name="plot.png", content_type="image/png", inline_ref="plot")
    yield "![A plot][plot]"
    yield Data("shown")  # comes back as the `metadata` of this message in later queries
    yield SuggestedReply("Again")
    yield SuggestedReply("Something else")


app = create_app(bot, allow_without_key=True)
