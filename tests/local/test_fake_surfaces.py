"""The smaller surfaces of `FakePoe`: files, costs, settings, the list of models, points."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlencode

import pytest

from poe_asgi import Answer, Bot, QueryContext, Settings
from poe_asgi.local import Amount, FakePoe, HttpAnswer, fingerprint, http_error
from poe_asgi.protocol import ParameterControls, Section, SSEParser, TextField
from tests.local.support import KEY, Came, client, get, post

pytestmark = pytest.mark.asyncio

UPLOAD = "/poe_api/file_upload_3RD_PARTY_POST"
FORM = "application/x-www-form-urlencoded"
CONTROLS = ParameterControls(sections=[Section(controls=[TextField(label="Style", parameter_name="style")])])


# ---- files


def form(content: bytes, *, disposition: str = 'name="file"; filename="plot.png"', kind: str = "") -> bytes:
    head = f"Content-Disposition: form-data; {disposition}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
    other = b'--frontier\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n'
    return other + b"--frontier\r\n" + head.encode() + b"\r\n" + content + b"\r\n--frontier--\r\n"


async def upload(poe: FakePoe, body: bytes, *, key: str | None = KEY, kind: str | None = None) -> Came:
    return await post(poe, UPLOAD, body, key=key, content_type=kind or 'multipart/form-data; boundary="frontier"')


async def test_a_file_that_was_uploaded_is_kept_and_served() -> None:
    poe = FakePoe()
    content = b"\r\n--front\x00\xff\r\n\r\n--"
    came = await upload(poe, form(content))
    assert (came.status, came.json["mime_type"]) == (200, "image/png")
    (kept,) = poe.uploads
    assert (kept.name, kept.content_type, kept.content) == ("plot.png", "image/png", content)
    assert (kept.url, kept.download_url) == (came.json["attachment_url"], None)
    assert kept.key == fingerprint(KEY)
    served = await get(poe, kept.url, key=None)
    assert (served.status, served.body, served.headers["content-type"]) == (200, content, "image/png")
    assert (await get(poe, kept.url + "x")).status == 404


async def test_the_url_of_a_file_stands_at_the_address_that_was_called() -> None:
    poe = FakePoe()
    came = await post(
        poe,
        f"https://www.quora.com{UPLOAD}",
        form(b"x"),
        key=KEY,
        content_type="multipart/form-data; boundary=frontier",
    )
    assert came.json["attachment_url"].startswith("https://www.quora.com/files/")
    assert (await get(poe, came.json["attachment_url"])).body == b"x"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="a b.txt"; name="file"', "a b.txt"),
        ("name=file; filename=a.txt", "a.txt"),
        ('name="file"; filename="Grüße %22x%22.txt"', 'Grüße "x".txt'),
        (r'name="file"; filename="a\"b.txt"', 'a"b.txt'),
        ('name="file"; filename="a/b.txt"', "a/b.txt"),
    ],
)
async def test_the_name_of_a_file_is_read_as_clients_write_it(disposition: str, name: str) -> None:
    poe = FakePoe()
    assert (await upload(poe, form(b"x", disposition=disposition))).status == 200
    assert poe.uploads[0].name == name
    assert (await get(poe, poe.uploads[0].url)).body == b"x"


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [("a.pdf", "", "application/pdf"), ("a.pdf", "x/y", "x/y"), ("a", "", "application/octet-stream")],
)
async def test_the_type_of_a_file_is_declared_or_guessed_from_its_name(name: str, declared: str, expected: str) -> None:
    came = await upload(FakePoe(), form(b"x", disposition=f'name="file"; filename="{name}"', kind=declared))
    assert came.json["mime_type"] == expected


async def test_a_file_can_be_named_by_a_url_which_is_not_fetched() -> None:
    poe = FakePoe()
    body = urlencode({"download_url": "https://example.test/a%20b.png?x"}).encode()
    came = await upload(poe, body, kind=FORM)
    assert came.json["mime_type"] == "image/png"
    (kept,) = poe.uploads
    assert (kept.name, kept.content, kept.download_url) == ("a b.png", b"", "https://example.test/a%20b.png?x")


async def test_a_file_of_its_own_that_is_named_by_url_keeps_its_content() -> None:
    poe = FakePoe()
    url = (await upload(poe, form(b"x"))).json["attachment_url"]
    again = urlencode({"download_url": url, "download_filename": "other.bin"}).encode()
    assert (await upload(poe, again, kind=FORM)).json["mime_type"] == "image/png"
    assert (poe.uploads[1].name, poe.uploads[1].content) == ("other.bin", b"x")


@pytest.mark.parametrize("key", [None, "", f"Bearer {KEY}"])
async def test_an_upload_needs_its_key_without_a_scheme(key: str | None) -> None:
    poe = FakePoe()
    assert (await upload(poe, form(b"x"), key=key)).status == 401
    assert poe.uploads == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x", "application/json"),
        (b"x", FORM),
        (b"x", "multipart/form-data; boundary=frontier"),
        (form(b"x"), "multipart/form-data"),
        (form(b"x", disposition='name="file"'), "multipart/form-data; boundary=frontier"),
        (form(b"x", disposition='name="data"; filename="a"'), "multipart/form-data; boundary=frontier"),
    ],
)
async def test_an_upload_without_a_file_is_a_bad_request(body: bytes, kind: str) -> None:
    assert (await upload(FakePoe(), body, kind=kind)).status == 400


async def test_a_file_may_have_fifty_megabytes_and_no_more() -> None:
    poe = FakePoe()
    assert (await upload(poe, form(b"x" * 50 * 2**20))).status == 200
    assert (await upload(poe, form(b"x" * (50 * 2**20 + 1)))).status == 413


async def test_an_upload_can_be_scripted_to_fail_or_to_answer_half() -> None:
    poe = FakePoe()
    poe.failing(http_error(500, "Disk full.", shape="text"), "upload")
    poe.failing(HttpAnswer(body=b'{"attachment_url": "u"}'), "upload")
    assert [(came.status, came.body) for came in [await upload(poe, form(b"x")) for _ in range(2)]] == [
        (500, b"Disk full."),
        (200, b'{"attachment_url": "u"}'),
    ]
    assert (await upload(poe, form(b"x"))).json["attachment_url"]


# ---- costs


async def charge(poe: FakePoe, kind: str = "authorize", amounts: Any = None, key: str | None = KEY) -> Came:
    amounts = [{"amount_usd_milli_cents": 3300, "description": "1 image"}] if amounts is None else amounts
    body = {"amounts": amounts} | ({"access_key": key} if key is not None else {})
    return await post(poe, f"/bot/cost/q%2F1/{kind}", body, key=None)


def events(came: Came) -> list[tuple[str, Any]]:
    return [(event.type, json.loads(event.data)) for event in SSEParser().feed(came.body)]


async def test_a_charge_succeeds_and_is_written_down() -> None:
    poe = FakePoe()
    came = await charge(poe)
    await charge(poe, "capture", [{"amount_usd_milli_cents": 1}, {"amount_usd_milli_cents": 2, "description": None}])
    assert (came.status, came.headers["content-type"]) == (200, "text/event-stream")
    assert events(came) == [("result", {"status": "success"})]
    first, second = poe.charges
    assert (first.kind, first.bot_query_id, first.status) == ("authorize", "q/1", "success")
    assert first.amounts == (Amount(milli_cents=3300, description="1 image"),)
    assert (second.kind, second.milli_cents) == ("capture", 3)
    assert first.key == fingerprint(KEY)
    assert KEY not in repr(poe.charges)


async def test_charges_end_as_scripted_and_the_last_status_stays() -> None:
    poe = FakePoe()
    poe.charging("success", "insufficient_funds", None)
    ends = [events(await charge(poe)) for _ in range(4)]
    assert ends == [[("result", {"status": "success"})], [("result", {"status": "insufficient_funds"})], [], []]
    assert [each.status for each in poe.charges] == ["success", "insufficient_funds", None, None]


async def test_used_up_points_show_in_the_result_of_a_charge() -> None:
    poe = FakePoe()
    poe.insufficient_funds()
    came = await charge(poe)
    assert came.status == 200
    assert events(came) == [("result", {"status": "insufficient_funds"})]


@pytest.mark.parametrize(
    ("shape", "kind"), [("sse", "text/event-stream"), ("A", "application/json"), ("text", "text/plain; charset=utf-8")]
)
async def test_a_charge_can_fail_with_every_body(shape: Any, kind: str) -> None:
    poe = FakePoe()
    poe.failing(http_error(500, "No billing today.", shape=shape), "cost")
    came = await charge(poe)
    assert (came.status, came.headers["content-type"]) == (500, kind)
    assert b"No billing today." in came.body
    assert poe.charges == []


@pytest.mark.parametrize("key", [None, ""])
async def test_a_charge_needs_the_access_key_in_its_body(key: str | None) -> None:
    poe = FakePoe()
    assert (await charge(poe, key=key)).status == 401
    assert poe.charges == []


@pytest.mark.parametrize(
    "amounts",
    [
        [],
        {},
        [1],
        [{}],
        *([{"amount_usd_milli_cents": amount}] for amount in (True, 1.5, "1", -1, None)),
        [{"amount_usd_milli_cents": 1, "description": 1}],
    ],
)
async def test_a_charge_of_no_whole_amounts_is_refused_in_an_event(amounts: Any) -> None:
    poe = FakePoe()
    came = await charge(poe, amounts=amounts)
    assert came.status == 400
    assert [kind for kind, _ in events(came)] == ["error"]
    assert poe.charges == []
    assert (await post(poe, "/bot/cost/q/capture", b"{", key=None)).status == 400


# ---- settings


async def test_settings_that_are_pushed_are_stored_and_echoed() -> None:
    poe = FakePoe()
    settings = Settings(introduction_message="Hi.", parameter_controls=CONTROLS)
    for path in (f"/bot/update_settings/My%20Bot/{KEY}/1.2", f"/bot/update_settings/My%20Bot/{KEY}"):
        came = await post(poe, path, settings.to_wire(), key=None)
        assert came.status == 200
        assert json.dumps(settings.to_wire()) in came.body.decode()
    first, _ = poe.settings
    assert (first.bot, first.kind, first.stored, first.dropped) == ("My Bot", "update", settings, "")
    assert KEY not in repr(first)


async def test_settings_are_fetched_from_the_bot_that_stands_behind_the_name() -> None:
    poe = FakePoe()
    bot = Bot("Inner", settings=Settings(introduction_message="Hi."))
    bot.uses("Claude", calls=2)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    poe.bot("Inner", bot)
    came = await post(poe, f"/bot/fetch_settings/inner/{KEY}/1.2", key=None)
    assert came.status == 200
    (sync,) = poe.settings
    assert (sync.bot, sync.kind) == ("Inner", "fetch")
    assert sync.stored.introduction_message == "Hi."
    assert sync.stored.server_bot_dependencies == {"Claude": 2}


async def breaks(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError("x")


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def talks(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize("app", [breaks, refuses, talks])
async def test_a_server_that_gives_no_settings_cannot_be_fetched_from(app: Any) -> None:
    poe = FakePoe()
    poe.bot("Inner", app)
    assert (await post(poe, f"/bot/fetch_settings/Inner/{KEY}/1.2", key=None)).status == 500
    assert poe.settings == []


async def test_there_is_nothing_to_fetch_from_a_bot_without_a_server() -> None:
    poe = FakePoe()
    poe.bot("Claude", "x")
    for name in ("Claude", "GPT"):
        assert (await post(poe, f"/bot/fetch_settings/{name}/{KEY}/1.2", key=None)).status == 404


@pytest.mark.parametrize(
    ("version", "controls"), [(1, CONTROLS.to_wire()), (2, {"sections": [{"controls": [{"control": "wheel"}]}]})]
)
async def test_controls_that_poe_drops_are_dropped_with_a_warning_for_the_developer(
    version: int, controls: Any, caplog: pytest.LogCaptureFixture
) -> None:
    poe = FakePoe()
    body = {"response_version": version, "introduction_message": "Hi.", "parameter_controls": controls}
    came = await post(poe, f"/bot/update_settings/B/{KEY}/1.2", body, key=None)
    assert came.status == 200
    assert "parameter_controls" not in came.body.decode()
    (sync,) = poe.settings
    assert (sync.stored.parameter_controls, sync.stored.introduction_message) == (None, "Hi.")
    assert "parameter_controls" in sync.dropped
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert sync.dropped in record.getMessage()


@pytest.mark.parametrize("body", [b"{", b"[]", {"allow_attachments": "yes"}])
async def test_settings_that_are_none_are_refused(body: Any) -> None:
    poe = FakePoe()
    assert (await post(poe, f"/bot/update_settings/B/{KEY}/1.2", body, key=None)).status == 400
    assert poe.settings == []


async def test_settings_need_a_good_key_in_the_path() -> None:
    poe = FakePoe(keys={"good"})
    assert (await post(poe, "/bot/update_settings/B/bad/1.2", {}, key=None)).status == 401
    assert (await post(poe, "/bot/update_settings/B/good/1.2", {}, key=None)).status == 200


# ---- models


async def test_the_list_of_models_has_what_is_scripted_in_the_members_of_the_real_one() -> None:
    poe = FakePoe()
    poe.bot("Claude-Sonnet", "x")
    poe.models["claude-sonnet"] = {"context_length": 200_000}
    poe.models["GPT-5-mini"] = {"supported_features": []}
    came = await get(poe, "/v1/models", key=None)
    assert (came.status, came.json["object"]) == (200, "list")
    claude, gpt = came.json["data"]
    assert (claude["id"], claude["context_length"]) == ("claude-sonnet", 200_000)
    assert (gpt["id"], gpt["root"], gpt["supported_features"]) == ("gpt-5-mini", "gpt-5-mini", [])
    assert claude["created"] > 10**12  # milliseconds
    assert set(claude) == {
        *("id", "object", "created", "description", "owned_by", "root", "architecture", "supported_features"),
        *("supported_endpoints", "pricing", "context_window", "context_length", "metadata", "reasoning", "parameters"),
    }


# ---- points


async def test_a_call_costs_points_and_stands_in_the_history() -> None:
    poe = FakePoe()
    poe.balance = 100
    await client(poe).ask("Claude", "hi")
    assert (await get(poe, "/usage/current_balance")).json == {"current_point_balance": 90}
    (entry,) = (await get(poe, "/usage/points_history")).json["data"]
    assert (entry["bot_name"], entry["cost_points"], entry["usage_type"]) == ("Claude", 10, "API")
    assert entry["creation_time"] > 10**15  # microseconds


async def test_the_history_comes_in_pages_newest_first() -> None:
    poe = FakePoe()
    for _ in range(25):
        await client(poe).ask("Claude", "hi")
    newest_first = [entry.query_id for entry in reversed(poe.points)]
    assert len(set(newest_first)) == 25
    first = (await get(poe, "/usage/points_history")).json
    assert (first["length"], first["has_more"]) == (20, True)
    last = first["data"][-1]["query_id"]
    second = (await get(poe, f"/usage/points_history?starting_after={last}&limit=100")).json
    assert (second["length"], second["has_more"]) == (5, False)
    assert [entry["query_id"] for entry in first["data"] + second["data"]] == newest_first


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "starting_after=x"])
async def test_pages_that_cannot_be_are_refused(query: str) -> None:
    assert (await get(FakePoe(), f"/usage/points_history?{query}")).status == 400


@pytest.mark.parametrize("path", ["/usage/current_balance", "/usage/points_history"])
async def test_points_are_told_to_the_owner_of_a_key_alone(path: str) -> None:
    came = await get(FakePoe(), path, key=None)
    assert (came.status, came.error["type"]) == (401, "authentication_error")
