"""``poe-asgi models``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from ._exits import Exit, failing_well, run_async
from ._options import json_option

if TYPE_CHECKING:
    from ..client import Model, Pricing


@click.command(short_help="List the models on Poe.")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option(
    "--input", "inputs", multiple=True, metavar="KIND", help="Only models that read this: text, image, audio …"
)
@click.option(
    "--output", "outputs", multiple=True, metavar="KIND", help="Only models that make this: text, image, video …"
)
@click.option(
    "--feature", "features", multiple=True, metavar="NAME", help="Only models with this feature, such as tools."
)
@json_option
@failing_well
def models(
    words: tuple[str, ...], inputs: tuple[str, ...], outputs: tuple[str, ...], features: tuple[str, ...], as_json: bool
) -> None:
    """List the models on Poe: those whose name, owner or description has every WORD.

    Needs no key. The list is Poe's, and wrong in places: a model that is not in it may be there all the same.
    Prices are US dollars for a million tokens, or for an image or a request. Exit code 1: nothing fits.
    """
    from ._extras import need

    if not as_json:
        need("rich")
    listed = run_async(_listed())
    fitting = [
        each
        for each in listed
        if _has_words(each, words)
        and set(inputs) <= set(each.input_modalities)
        and set(outputs) <= set(each.output_modalities)
        and set(features) <= set(each.features)
    ]
    if as_json:
        click.echo(json.dumps([dict(each.raw) for each in fitting]))
    elif fitting:
        _show(fitting)
    click.echo(f"{len(fitting)} of {len(listed)} models", err=True)
    if not fitting:
        raise click.exceptions.Exit(Exit.NEGATIVE)


async def _listed() -> tuple[Model, ...]:
    from ..client import PoeClient

    async with PoeClient() as poe:
        return await poe.models()


def _has_words(model: Model, words: Iterable[str]) -> bool:
    text = f"{model.id} {model.name} {model.owned_by} {model.description}".casefold()
    return all(word.casefold() in text for word in words)


def _show(fitting: Iterable[Model]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("Model", style="bold", overflow="fold")
    table.add_column("By", overflow="ellipsis", no_wrap=True)
    table.add_column("Reads → makes", overflow="fold")
    table.add_column("Context", justify="right", no_wrap=True)
    table.add_column("Price in / out", justify="right", no_wrap=True)
    wide = console.width >= 110
    if wide:
        table.add_column("Features", overflow="fold")
    for each in sorted(fitting, key=lambda model: model.id.casefold()):
        kinds = f"{', '.join(each.input_modalities) or '?'} → {', '.join(each.output_modalities) or '?'}"
        row = [each.id, each.owned_by, kinds, _tokens(each.context_length), _price(each.pricing)]
        table.add_row(*row, *([", ".join(each.features)] if wide else []))
    console.print(table)


def _tokens(number: int | None) -> str:
    if number is None:
        return ""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.3g} M"
    return f"{number // 1000} k" if number >= 1000 else str(number)


def _price(pricing: Pricing | None) -> str:
    if pricing is None:
        return ""
    per_million: Callable[[Decimal], str] = lambda price: f"{price * 1_000_000:.2f}"  # noqa: E731
    if pricing.prompt is not None and pricing.completion is not None:
        return f"{per_million(pricing.prompt)} / {per_million(pricing.completion)}"
    for price, what in ((pricing.image, "image"), (pricing.request, "request"), (pricing.completion, "")):
        if price is not None:
            return f"{price:f} {what}" if what else f"– / {per_million(price)}"  # noqa: RUF001
    return ""
