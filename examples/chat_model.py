"""A model answers through the OpenAI-compatible API, and its thoughts are quoted; the owner of POE_API_KEY pays."""

from __future__ import annotations

from poe_asgi import Answer, Bot, PoeChatModel, QueryContext, create_app, system

bot = Bot("Thinker")
model = PoeChatModel(model="Claude-Sonnet-4.6", model_options={"max_tokens": 4_000})


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    messages = [system("Answer in one paragraph."), *ctx.prompt()]
    stream = model.stream(messages, thinking_budget=1_024)
    yield stream.answer(thoughts="quote")
    if stream.result.finish_reason == "length":
        yield "\n\n*(That is as much as I may say.)*"


app = create_app(bot, allow_without_key=True)
