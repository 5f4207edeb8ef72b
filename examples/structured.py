"""A model reads what a user wrote into a value of a type; the user pays, for the model is ``ctx.poe.model``."""

from __future__ import annotations

from pydantic import BaseModel, Field

from poe_asgi import Answer, AnswerError, Bot, QueryContext, create_app, system, user
from poe_asgi.chat import ChatModel
from poe_asgi.errors import StructuredOutputError

bot = Bot("Shopping")
reader = bot.uses("GPT-5-mini", calls=3)  # an answer that does not fit is sent back twice


class Item(BaseModel):
    name: str
    amount: int = Field(1, ge=1)


class ShoppingList(BaseModel):
    items: list[Item]


async def shopping_list(model: ChatModel, text: str) -> ShoppingList:
    """What is to be bought, according to the text."""
    result = await model.parse([system("List what is to be bought."), user(text)], ShoppingList, temperature=0)
    return result.parsed


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    try:
        shopping = await shopping_list(ctx.poe.model(reader), ctx.text)
    except StructuredOutputError as error:
        raise AnswerError("I do not see what you want to buy. Please name the things.") from error
    for item in shopping.items:
        yield f"- {item.name}: {item.amount}\n"
    yield f"\n{sum(item.amount for item in shopping.items)} things in all."


app = create_app(bot, allow_without_key=True)
