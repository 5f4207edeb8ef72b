"""``poe-asgi ask``."""

from __future__ import annotations

import json
import sys

import click

from ._exits import Failure, failing_well, run_async
from ._options import json_option


@click.command(short_help="Ask a model or a bot on Poe one question.")
@click.argument("model")
@click.argument("question", required=False)
@click.option("--system", metavar="TEXT", help="What goes before the question, as system message.")
@click.option("--api-key", envvar="POE_API_KEY", metavar="KEY", help="Key of poe.com/api/keys.  [default: POE_API_KEY]")
@click.option("--usage", is_flag=True, help="Tell the tokens afterwards, on standard error.")
@json_option
@failing_well
def ask(model: str, question: str | None, system: str | None, api_key: str | None, usage: bool, as_json: bool) -> None:
    """Ask MODEL on Poe, and write its answer as it comes.

    The question is QUESTION, standard input, or both: then the input goes after the question.

    \b
    git diff | poe-asgi ask GPT-5-mini "Put this into a sentence:"
    """
    piped = "" if sys.stdin.isatty() else sys.stdin.read().strip()
    text = "\n\n".join(part for part in (question or "", piped) if part)
    if not api_key:
        raise Failure("Poe wants a key: set POE_API_KEY to one of poe.com/api/keys, or give --api-key.")
    if not text:
        raise click.UsageError("There is no question: write one, or pipe it in.")
    run_async(_ask(model, text, system, api_key, usage=usage, as_json=as_json))


async def _ask(name: str, text: str, system: str | None, api_key: str | None, *, usage: bool, as_json: bool) -> None:
    from ..chat import PoeChatModel
    from ..client import close_pool

    messages = [{"role": "system", "content": system}] if system else []
    model = PoeChatModel(model=name, api_key=api_key)
    said = ""
    try:
        async with model.stream([*messages, {"role": "user", "content": text}]) as stream:
            async for delta in stream:
                said += delta.text
                if not as_json:
                    click.echo(delta.text, nl=False)
        result = stream.result
    finally:
        if said and not as_json and not said.endswith("\n"):
            click.echo()
        await close_pool()
    if as_json:
        click.echo(json.dumps(result.to_dict()))
    if usage and result.usage is not None:
        sent, got = result.usage.input_tokens, result.usage.output_tokens
        click.echo(f"{result.model or name}: {sent:,} tokens in, {got:,} out", err=True)
