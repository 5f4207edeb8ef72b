"""Uploads and charges of official bots: over this package's client, and never to the real Poe in a test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from poe_asgi import Limits, create_app
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.local import FakePoe, http_error
from poe_asgi.local._records import fingerprint
from poe_asgi.testing import PoeTester
from tests.compat import bots
from tests.compat.both import answer, asked, ours, post
from tests.interop.official import AttachmentUploadError, fp
from tests.openai_api.support import USER, message_of, post as complete
from tests.support import KEY, ask

pytestmark = pytest.mark.asyncio

Answer = AsyncIterator[Any]


@pytest.fixture
def poe() -> Iterator[FakePoe]:
    with FakePoe().installed() as fake:
        yield fake


# ---- uploads


async def test_an_upload_that_was_not_awaited_is_sent_before_the_end(poe: FakePoe) -> None:
    class Hasty(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            yield fp.PartialResponse(text="a")
            upload = self.post_message_attachment(message_id=request.message_id, file_data=b"1", filename="1.txt")
            self.task = asyncio.create_task(upload)

    reply = await answer(ours(Hasty()), asked())
    assert [file.name for file in reply.files] == ["1.txt"]
    assert reply.violations == ()


async def test_two_answers_to_one_message_keep_their_files_apart(poe: FakePoe) -> None:
    both_uploaded = asyncio.Barrier(2)

    class Twins(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            name = request.query[-1].content
            await self.post_message_attachment(message_id=request.message_id, file_data=b"1", filename=name)
            await both_uploaded.wait()
            yield fp.PartialResponse(text=name)

    app = ours(Twins())
    replies = await asyncio.gather(answer(app, asked("a.txt")), answer(app, asked("b.txt")))
    assert [[file.name for file in reply.files] for reply in replies] == [["a.txt"], ["b.txt"]]


async def test_a_bot_that_fails_after_an_upload_keeps_nothing_of_it(poe: FakePoe) -> None:
    class Failing(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            if request.query[-1].content == "fail":
                await self.post_message_attachment(message_id=request.message_id, file_data=b"1", filename="1.txt")
                raise RuntimeError
            yield fp.PartialResponse(text="a")

    app = ours(Failing())
    assert (await answer(app, asked("fail"))).error is not None
    assert (await answer(app, asked("go on"))).files == ()


async def test_a_failed_upload_can_be_caught_as_there(poe: FakePoe) -> None:
    class Catching(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            try:
                await self.post_message_attachment(message_id=request.message_id, file_data=b"1", filename="1.txt")
            except AttachmentUploadError:
                yield fp.PartialResponse(text="caught")

    poe.failing(http_error(413, "too large"), "upload", times=None)
    reply = await answer(ours(Catching()), asked())
    assert (reply.text, reply.files) == ("caught", ())


@pytest.mark.parametrize("given", [{"file_data": b"1", "download_url": "https://files.test/1.txt"}, {}])
async def test_an_upload_of_two_things_or_of_none_can_be_caught_as_there(given: dict[str, Any], poe: FakePoe) -> None:
    class Catching(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            try:
                await self.post_message_attachment(message_id=request.message_id, filename="1.txt", **given)
            except ValueError:
                yield fp.PartialResponse(text="caught")

    assert (await answer(ours(Catching()), asked())).text == "caught"
    assert poe.uploads == []


async def test_an_override_of_the_helper_stays_in_force(poe: FakePoe) -> None:
    class Renaming(bots.AttachmentsOut):
        async def post_message_attachment(self, *args: Any, **options: Any) -> Any:
            return await super().post_message_attachment(*args, **{**options, "filename": "renamed.txt"})

    reply = await answer(ours(Renaming()), asked())
    assert [file.name for file in reply.files] == ["renamed.txt"]
    assert [upload.name for upload in poe.uploads] == ["renamed.txt"]


async def test_an_override_of_the_upload_itself_stays_in_force(poe: FakePoe) -> None:
    class Own(bots.AttachmentsOut):
        async def _upload_file(self, **options: Any) -> fp.Attachment:
            return fp.Attachment(url="https://own.test/1", name="", content_type="text/plain")

    reply = await answer(ours(Own()), asked())
    assert [file.url for file in reply.files] == ["https://own.test/1"]
    assert poe.uploads == []


async def test_no_more_files_are_uploaded_than_the_answer_may_have(poe: FakePoe) -> None:
    class Many(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            for _ in range(5):
                await self.post_message_attachment(message_id=request.message_id, file_data=b"1", filename="1.txt")
            yield fp.PartialResponse(text="")

    exchange = await ask(from_fastapi_poe(Many(), limits=Limits(files=2)), asked())
    assert exchange.reader.error is not None
    assert exchange.reader.clean
    assert len(poe.uploads) == 2


async def test_the_key_of_an_upload_is_the_one_of_the_query_or_the_one_that_is_passed(poe: FakePoe) -> None:
    class Passing(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            options: Any = {"message_id": request.message_id, "file_data": b"1", "filename": "1.txt"}
            await self.post_message_attachment(**options)
            with pytest.warns(DeprecationWarning, match="access_key parameter is not needed"):
                await self.post_message_attachment(access_key="p" * 32, **options)
            yield fp.PartialResponse(text="ok")

    assert (await answer(ours(Passing()), asked())).text == "ok"
    assert [upload.key for upload in poe.uploads] == [fingerprint(KEY), fingerprint("p" * 32)]


# ---- costs


async def test_a_user_without_points_is_told_so(poe: FakePoe) -> None:
    poe.charging("insufficient_funds")
    reply = await answer(ours(bots.Cost()), asked())
    assert reply.error is not None
    assert reply.error.error_type == "insufficient_fund"
    assert [each.kind for each in poe.charges] == ["authorize"]


async def test_a_charge_that_fails_otherwise_is_a_cost_request_error(poe: FakePoe) -> None:
    caught: list[Exception] = []

    class Catching(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Answer:
            try:
                await self.authorize_cost(request, fp.CostItem(amount_usd_milli_cents=1))
            except fp.CostRequestError as exc:
                caught.append(exc)
            yield fp.PartialResponse(text="ok")

    poe.failing(http_error(403, "not enrolled"), "cost", times=None)
    assert (await answer(ours(Catching()), asked())).text == "ok"
    poe.recovered()
    poe.charging(None)  # an answer without a result is no empty wallet
    assert (await answer(ours(Catching()), asked())).text == "ok"
    assert len(caught) == 2
    assert KEY not in repr(caught)


# ---- the key


class Keys(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Answer:
        yield fp.PartialResponse(text=f"{request.access_key} {request.api_key} {self.access_key}")


async def test_the_bot_has_the_key_of_the_query() -> None:
    app = create_app(from_fastapi_poe(Keys()), access_key=["a" * 32, "b" * 32])
    for key in ("a" * 32, "b" * 32):
        _, raw = await post(app, asked(), key=key)
        assert raw.count(key.encode()) == 3


async def test_a_key_of_the_bots_own_is_the_one_that_counts() -> None:
    app = create_app(from_fastapi_poe(Keys(access_key="o" * 32)), access_key=KEY)
    assert (await post(app, asked()))[0] == 401
    assert (await post(app, asked(), key="o" * 32))[1].count(b"o" * 32) == 3


async def test_a_query_without_a_key_takes_none_from_the_bot() -> None:
    official = Keys()
    made = from_fastapi_poe(official)
    await answer(create_app(made, access_key=KEY), asked())
    reply = await answer(create_app(made, allow_without_key=True), asked())
    assert reply.text == f"<missing> <missing> {KEY}"


async def test_without_a_key_the_bot_has_none() -> None:
    app = create_app(from_fastapi_poe(Keys()), allow_without_key=True)
    assert (await answer(app, asked())).text == "<missing> <missing> None"


async def test_where_poe_sent_no_key_the_bot_has_that_of_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = "o" * 32
    monkeypatch.setenv("POE_API_KEY", f"{owners}\n")
    app = create_app(from_fastapi_poe(Keys()), allow_without_key=True)
    assert (await answer(app, asked())).text == f"{owners} {owners} {owners}"
    app = create_app(from_fastapi_poe(Keys(access_key=KEY), bot_name="Keys"), openai=True)
    exchange = await complete(app, {"model": "Keys", "messages": USER})
    assert message_of(exchange)["content"] == f"{owners} {owners} {KEY}"


async def test_a_bot_uploads_at_the_second_door_before_poe_ever_asked_it(
    poe: FakePoe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POE_API_KEY", "o" * 32)
    made = from_fastapi_poe(bots.AttachmentsOut(), bot_name="Out")
    app = create_app(made, openai=True, access_key=KEY)
    exchange = await complete(app, {"model": "Out", "messages": USER})
    assert [file["name"] for file in message_of(exchange)["files"]] == ["said.txt"]
    assert [upload.key for upload in poe.uploads] == [fingerprint("o" * 32)]
    _, raw = await post(app, asked())  # and with the key of the query when Poe asks
    assert b"event: file" in raw
    assert poe.uploads[-1].key == fingerprint(KEY)


# ---- the test kit


async def test_the_test_kit_takes_an_official_bot() -> None:
    fake = FakePoe()
    async with PoeTester(fake)(from_fastapi_poe(bots.AttachmentsOut()), access_key=None) as chat:
        reply = await chat.ask("Hello")
    assert [file.name for file in reply.files] == ["said.txt"]
    assert [upload.content for upload in fake.uploads] == [b"Hello"]
    gc.collect()  # nothing is left that would complain
