"""A to-do list that is kept by Poe: stored with each answer, and read back from the last one."""

from __future__ import annotations

from pydantic import BaseModel

from poe_asgi import Answer, Bot, Data, QueryContext, SuggestedReply, create_app


class ToDo(BaseModel):
    items: list[str] = []


bot = Bot("To-Do")


@bot.query
async def keep(ctx: QueryContext) -> Answer:
    todo = ctx.recall(ToDo) or ToDo()
    match ctx.text.strip().split(maxsplit=1):
        case ["add", item]:
            todo.items.append(item)
        case ["done", item] if item in todo.items:
            todo.items.remove(item)
    yield "\n".join(f"- {item}" for item in todo.items) or "Nothing to do. Say `add` and what there is to do."
    if todo.items:
        yield SuggestedReply(f"done {todo.items[0]}")
    yield Data.dump(todo)


app = create_app(bot, allow_without_key=True)
