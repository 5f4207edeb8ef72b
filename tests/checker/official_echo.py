"""An echo bot of the official SDK, ``app``, and its report: ``python -m tests.checker.official_echo`` prints it."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from typing import Any

from poe_asgi.checker import Report, check, render_text
from tests.interop.official import fp
from tests.support import KEY

TARGET = "tests/checker/official_echo.py"


class Echo(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Any:
        yield fp.PartialResponse(text=request.query[-1].content)


app = fp.make_app(Echo(), access_key=KEY)


async def report() -> Report:
    return await check(app, access_key=KEY, name=TARGET)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable()
    sys.stdout.write(render_text(asyncio.run(report())))
