"""How the page looks and feels: screenshots, nothing that sticks out or jumps, and no need of a mouse.

With ``SCREENSHOTS`` set to a folder the pictures are kept there; ``make screenshot`` makes the one of the README.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect
from pydantic import BaseModel, Field

from poe_asgi import Answer, Bot, QueryContext, Settings, SuggestedReply

from .conftest import Open
from .visiting import Visit

pytestmark = pytest.mark.asyncio(loop_scope="package")

README_PICTURE = "playground.png"
SIZES = {"wide": (1280, 800), "narrow": (360, 740)}

ANSWER = """## Why the sky is blue

Sunlight is scattered by the air, **blue light most of all**: the shorter the wave, the more of it.

| Colour | Wavelength | Scattered |
| --- | --- | --- |
| Red | 700 nm | 1× |
| Green | 530 nm | 3× |
| Blue | 450 nm | 6× |

```python
def scattered(wavelength: float) -> float:
    return (700 / wavelength) ** 4
```

1. In the evening the way through the air is longer.
2. So the blue is gone, and `red` remains.
"""


class Options(BaseModel):
    voice: Literal["plain", "solemn"] = "plain"
    length: int = Field(3, ge=1, le=5, description="Paragraphs, more or less.")
    sources: bool = False


def sage() -> Bot:
    bot = Bot(
        "Sage",
        parameters=Options,
        settings=Settings(introduction_message="I know **the sky**. What would you like to know?"),
    )

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        if "sea" in ctx.text:
            depths = {"Baltic": 459}
            yield f"The sea is {depths[ctx.text]} metres deep."
        for word in ANSWER.split(" "):
            yield f"{word} "
            await asyncio.sleep(0)
        yield SuggestedReply("And in the evening?")
        yield SuggestedReply("How deep is the sea?")

    return bot


async def picture(page: Page, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder is not None:
        await page.screenshot(path=Path(folder) / name, animations="disabled")


async def sticks_out(page: Page) -> list[str]:
    """What is wider than the window, but for what scrolls by itself."""
    found: list[str] = await page.evaluate(
        """() => {
            const scrolls = (one) => one && (["auto", "scroll", "hidden"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
            return [...document.querySelectorAll("body *")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1 && !scrolls(one.parentElement))
                .map((one) => `${one.tagName}.${one.className}`)
                .concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])
                .concat(["#log", "#controls", "#composer", "dialog", ".detail"].filter((name) => {
                    const one = document.querySelector(name);
                    return one && one.scrollWidth > one.clientWidth + 1;
                }));
        }"""
    )
    return found


async def faint(page: Page) -> list[str]:
    """Texts whose contrast to what is behind them is below 4.5 to 1."""
    found: list[str] = await page.evaluate(
        """() => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
            const rgba = (colour) => {
                canvas.clearRect(0, 0, 1, 1);
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                return [...canvas.getImageData(0, 0, 1, 1).data];
            };
            const luminance = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = (one) => {
                for (; one; one = one.parentElement) {
                    const colour = rgba(getComputedStyle(one).backgroundColor);
                    if (colour[3] > 200) return colour;
                }
                return [255, 255, 255, 255];
            };
            const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility({ opacityProperty: true })
                && !one.closest(".unseen, :disabled") && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
            return texts.filter((one) => {
                const [a, b] = [luminance(rgba(getComputedStyle(one).color)), luminance(behind(one))].sort((x, y) => y - x);
                return (a + 0.05) / (b + 0.05) < 4.5;
            }).map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`);
        }"""
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_it_fits_and_can_be_read(visit: Open, scheme: str, size: str) -> None:
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "reduced_motion": "reduce"}
    here = await visit(sage(), name="Sage", options=options)
    page = here.page

    async def look(name: str) -> None:
        assert await sticks_out(page) == []
        assert await faint(page) == []
        await picture(page, f"{name}-{scheme}-{width}.png")

    await expect(page.locator("#introduction")).to_be_visible()
    toggle = page.locator("#toggle-controls")
    if await toggle.get_attribute("aria-expanded") == "true":
        await toggle.click()
    await here.say("Why is the sky blue?")
    await look("first-message")
    await toggle.click()
    await page.get_by_role("switch", name="Sources").check()
    await look("controls")
    await toggle.click()
    await here.say("How deep is the sea?")
    await expect(here.last.locator(".author")).to_be_visible()
    await look("error")
    await page.locator("#toggle-inspector").click()
    await expect(page.locator(".event")).not_to_have_count(0)
    await look("inspector")
    await page.get_by_role("button", name="Close the inspector").click()
    await page.get_by_role("button", name="Settings of the bot").click()
    await look("settings")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="This conversation").click()
    await page.get_by_role("button", name="Copy as a test").click()
    await expect(page.locator(".code")).to_be_visible()
    await look("test")


async def test_the_picture_of_the_readme_can_be_made(visit: Open) -> None:
    options = {"viewport": {"width": 1360, "height": 960}, "device_scale_factor": 1.5}
    here = await visit(sage(), name="Sage", options=options)
    await here.say("Why is the sky blue?")
    await here.page.locator("#toggle-inspector").click()
    await expect(here.page.locator(".event")).not_to_have_count(0)
    await picture(here.page, README_PICTURE)


SHIFTS = """() => {
    window.shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shifts += each.value; }))
        .observe({ type: "layout-shift", buffered: false });
}"""


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_jumps_while_an_answer_comes(visit: Open, size: str) -> None:
    width, height = SIZES[size]
    step = asyncio.Event()
    bot = Bot("Long")

    @bot.query
    async def long(ctx: QueryContext) -> Answer:
        for _ in range(3):
            for line in ANSWER.splitlines(keepends=True):
                yield line
                await asyncio.sleep(0.012)
            yield "![a picture](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAAAAgAB4iG8MwAAAABJRU5ErkJggg==)\n\n"
        yield SuggestedReply("more")
        step.set()

    here = await visit(bot, options={"viewport": {"width": width, "height": height}})
    await here.say("one")
    await here.page.evaluate(SHIFTS)
    await here.say("two")
    await here.page.wait_for_timeout(100)
    assert await here.page.evaluate("window.shifts") < 0.05
    log = here.page.locator("#log")
    assert await log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 4


async def test_who_reads_further_up_is_not_pulled_down(visit: Open) -> None:
    go_on = asyncio.Event()
    bot = Bot("Long")

    @bot.query
    async def long(ctx: QueryContext) -> Answer:
        yield "line\n\n" * 60
        await go_on.wait()
        yield "line\n\n" * 60

    here = await visit(bot)
    await here.page.get_by_role("textbox", name="Message").fill("go")
    await here.page.keyboard.press("Enter")
    await expect(here.last.locator(".block")).to_have_count(60)
    log = here.page.locator("#log")
    await log.evaluate("log => { log.scrollTop = 40; }")
    await here.page.wait_for_timeout(50)
    go_on.set()
    await expect(here.last).to_have_attribute("aria-busy", "false")
    assert await log.evaluate("log => log.scrollTop") == 40


async def focused(here: Visit) -> str:
    name: str = await here.page.evaluate(
        "document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"
    )
    return name


async def tab_to(here: Visit, name: str) -> None:
    """Press Tab until this has the focus; everything on the way has to show it."""
    for _ in range(40):
        await here.page.keyboard.press("Tab")
        outline: Any = await here.page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle + document.activeElement.tagName"
        )
        assert outline.startswith(("solid", "auto")) or outline.endswith(("TEXTAREA", "BODY")), await focused(here)
        if await focused(here) == name:
            return
    raise AssertionError(f"Tab does not lead to {name}.")


async def test_all_of_it_works_without_a_mouse(visit: Open) -> None:
    here = await visit(sage(), name="Sage")
    keyboard = here.page.keyboard
    await expect(here.page.get_by_role("textbox", name="Message")).to_be_focused()
    await keyboard.type("Why is the sky blue?")
    await keyboard.press("Shift+Enter")
    await keyboard.type("Tell me.")
    await keyboard.press("Enter")
    await expect(here.last).to_have_attribute("aria-busy", "false")
    await expect(here.page.get_by_role("textbox", name="Message")).to_be_focused()
    await tab_to(here, "Inspector")
    await keyboard.press("Enter")
    await tab_to(here, "Close the inspector")
    await keyboard.press("Enter")
    await expect(here.page.locator("#toggle-inspector")).to_be_focused()
    await tab_to(here, "Good answer")
    await keyboard.press("Enter")
    await expect(here.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    await expect(here.page.get_by_role("button", name="Good answer")).to_be_focused()
    await tab_to(here, "How deep is the sea?")
    await keyboard.press("Enter")
    await expect(here.answers).to_have_count(2)


async def test_on_a_small_screen_the_list_of_conversations_comes_and_goes(visit: Open) -> None:
    here = await visit(sage(), name="Sage", options={"viewport": {"width": 360, "height": 740}})
    listed = here.page.get_by_role("navigation", name="Conversations")
    await expect(listed).to_be_hidden()
    await here.page.get_by_role("button", name="Conversations").click()
    await expect(listed).to_be_visible()
    assert await sticks_out(here.page) == []
    await here.page.keyboard.press("Escape")
    await expect(listed).to_be_hidden()
    await expect(here.page.get_by_role("button", name="Conversations")).to_be_focused()
    await here.page.get_by_role("button", name="Conversations").click()
    await here.page.mouse.click(340, 400)
    await expect(listed).to_be_hidden()


async def test_everything_that_can_be_pressed_has_a_name(visit: Open) -> None:
    here = await visit(sage(), name="Sage")
    await here.say("Why is the sky blue?")
    await here.page.locator("#toggle-inspector").click()
    nameless = await here.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, a[href], summary")]
            .filter((one) => one.checkVisibility())
            .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
            .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
