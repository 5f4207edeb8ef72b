"""Attachments: what Poe read in them, the prompt a model would get, and files sent back."""

from __future__ import annotations

from poe_asgi import Answer, Bot, Meta, QueryContext, Settings, create_app

# Poe fills in the text of documents unless told otherwise; descriptions of images have to be asked for.
bot = Bot(
    "Attachments",
    settings=Settings(enable_image_comprehension=True),
    meta=Meta(content_type="text/plain"),
)


@bot.query
async def look(ctx: QueryContext) -> Answer:
    if not ctx.attachments:
        yield "Attach a file, and I show what a model would be told about it."
        return
    yield f"{len(ctx.attachments)} attached, {len(ctx.attachments.images)} of them images.\n\n"
    # Contents of attachments are under the user's control: prompt() puts them between fences that they cannot close.
    for message in ctx.prompt():
        yield f"[{message.role}] {message.content}\n\n"
    for attachment in ctx.attachments:
        yield attachment


app = create_app(bot, allow_without_key=True)
