"""Pictures in and out: counts the bytes of those that came, and paints one that is shown inline."""

from __future__ import annotations

import asyncio
import struct
import zlib

from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Painter")


@bot.query
async def paint(ctx: QueryContext) -> Answer:
    for image in ctx.attachments.images:
        data = await ctx.poe.download(image, max_bytes=5_000_000)
        yield f"{image.name} has {len(data):,} bytes.\n\n"
    yield (status := ctx.status("Painting…", asyncio.to_thread(gradient, 64)))
    picture = await ctx.poe.upload(status.result, name="gradient.png", inline=True)
    yield picture
    yield picture.markdown


def gradient(size: int) -> bytes:
    """A square PNG from black to white."""
    rows = b"".join(b"\0" + bytes(255 * x // (size - 1) for x in range(size)) for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


app = create_app(bot, allow_without_key=True)
