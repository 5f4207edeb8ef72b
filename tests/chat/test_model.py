"""`PoeChatModel` as a user meets it: keys, places to call, options, and what comes back in one piece."""

from __future__ import annotations

import datetime as dt
import inspect
from typing import Any

import pytest

import poe_asgi
from poe_asgi import File, assistant, system, user
from poe_asgi.chat import BaseChatModel, BotModel, ChatModel, ChatResult, PoeChatModel, TokenUsage
from poe_asgi.client import HttpRequest, HttpResponse, Retry, close_pool
from poe_asgi.errors import ConfigurationError, UpstreamError
from poe_asgi.local import AsgiTransport, FakePoe, Script, Thought, ToolCall
from poe_asgi.testing import ScriptedModel
from tests.chat.support import DONE, KEY, USAGE, Answers, call, chunk, model, stream, whole

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POE_API_KEY", "POE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


class Where:
    """A transport that tells where calls would have gone."""

    def __init__(self, app: Any = None) -> None:
        self.urls: list[str] = []
        self.keys: list[str] = []
        self.closed = 0
        self._inner = AsgiTransport(app or Answers(whole("Hello")))

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.urls.append(request.url)
        self.keys.append(request.headers.get("authorization", ""))
        return await self._inner.send(request)

    async def aclose(self) -> None:
        self.closed += 1


# ---- keys


async def test_the_key_is_the_argument_else_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    where = Where()
    monkeypatch.setenv("POE_API_KEY", "from-the-environment")
    await PoeChatModel(api_key="given", transport=where).invoke("hi")
    await PoeChatModel(transport=where).invoke("hi")
    monkeypatch.setenv("POE_API_KEY", "changed")
    later = PoeChatModel(transport=where)
    monkeypatch.setenv("POE_API_KEY", "changed again")
    await later.invoke("hi")
    assert where.keys == ["Bearer given", "Bearer from-the-environment", "Bearer changed again"]


@pytest.mark.parametrize("key", [None, ""])
async def test_without_a_key_the_first_call_fails_with_one_sentence_that_names_both(key: str | None) -> None:
    where = Where()
    asked = PoeChatModel(api_key=key, transport=where)
    for first_call in (
        asked.invoke("hi"),
        asked.stream("hi").read(),
        asked.invoke("hi", streaming=True),
        asked.parse("hi", int),
    ):
        with pytest.raises(ConfigurationError) as raised:
            await first_call
        sentence = str(raised.value)
        assert "api_key=" in sentence
        assert "POE_API_KEY" in sentence
        assert sentence.count(".") == 1
    assert where.urls == []


@pytest.mark.parametrize("key", [None, ""])
async def test_the_key_for_poe_goes_to_no_other_api(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.setenv("POE_API_KEY", "from-the-environment")
    with pytest.raises(ConfigurationError, match=r"other\.test.*api_key="):
        PoeChatModel(api_key=key, base_url="https://other.test/v1")


async def test_a_model_shows_its_name_and_not_its_key() -> None:
    asked = model(Answers(whole()), model="m")
    assert repr(asked) == "PoeChatModel('m')"
    assert KEY not in repr(asked) + repr(asked.connection) + repr(asked.stream("hi")) + repr(await asked.invoke("hi"))


# ---- places to call


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "https://api.poe.com/v1/chat/completions"),
        ({"base_url": "https://api.poe.com/v1"}, "https://api.poe.com/v1/chat/completions"),
        ({"base_url": "https://api.poe.com/v1/"}, "https://api.poe.com/v1/chat/completions"),
        ({"base_url": "http://127.0.0.1:1/api"}, "http://127.0.0.1:1/api/chat/completions"),
        ({"base_url": "http://127.0.0.1:1/api//"}, "http://127.0.0.1:1/api/chat/completions"),
    ],
)
async def test_calls_go_to_the_base_url_with_or_without_a_slash(given: dict[str, Any], url: str) -> None:
    where = Where()
    await PoeChatModel(api_key="k", transport=where, **given).invoke("hi")
    assert where.urls == [url]


@pytest.mark.parametrize("base_url", ["", "api.poe.com/v1", "ftp://api.poe.com", "https://", "http://[", "file:///v1"])
async def test_what_is_no_base_url_is_a_mistake_at_once(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url="):
        PoeChatModel(base_url=base_url)


@pytest.mark.parametrize("name", ["", "  ", None, 5])
async def test_what_is_no_name_of_a_model_is_a_mistake_at_once(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="model="):
        PoeChatModel(model=name)


async def test_the_variable_moves_poe_and_not_another_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_BASE_URL", "http://127.0.0.1:2/")
    where = Where()
    await PoeChatModel(api_key="k", transport=where).invoke("hi")
    await PoeChatModel(api_key="k", transport=where, base_url="https://other.test/v1").invoke("hi")
    assert where.urls == ["http://127.0.0.1:2/v1/chat/completions", "https://other.test/v1/chat/completions"]


async def test_an_installed_poe_answers_models_that_call_poe_and_no_others() -> None:
    poe = FakePoe()
    poe.bot("gpt-5-mini", "from the fake")
    where = Where()
    with poe.installed():
        assert (await PoeChatModel(api_key="k").invoke("hi")).text == "from the fake"
        async with PoeChatModel(api_key="k") as owner:
            assert (await owner.stream("hi").read()).text == "from the fake"
        other = PoeChatModel(api_key="k", base_url="https://other.test/v1", transport=where)
        assert (await other.invoke("hi")).text == "Hello"
    assert len(poe.calls) == 2


async def test_a_borrowed_pool_is_never_closed() -> None:
    where = Where()
    async with PoeChatModel(api_key="k", transport=where) as asked:
        await asked.invoke("hi")
    await asked.invoke("hi")
    await close_pool()
    assert (len(where.urls), where.closed) == (2, 0)


# ---- options


async def test_the_signature_is_the_one_that_was_promised() -> None:
    parameters = inspect.signature(PoeChatModel).parameters
    defaults = {name: parameters[name].default for name in ("api_key", "model", "model_options", "base_url")}
    assert defaults == {
        "api_key": None,
        "model": "gpt-5-mini",
        "model_options": None,
        "base_url": "https://api.poe.com/v1",
    }
    assert all(each.kind is each.KEYWORD_ONLY for each in parameters.values())
    assert poe_asgi.PoeChatModel is PoeChatModel


@pytest.mark.parametrize("streaming", [False, True])
async def test_options_reach_the_wire_and_what_is_not_set_does_not(streaming: bool) -> None:
    poe = FakePoe()
    asked = model(poe, model="m", model_options={"topP": 0.5, "maxTokens": 9, "temperature": 0.1, "aspect": "3:2"})
    options: dict[str, Any] = {
        "temperature": 0.7,
        "stop": ["x"],
        "reasoningEffort": "low",
        "model_options": {"stop": ["y"], "maxTokens": 10},
        "aspect": None,
        "extra_body": {"webSearch": True},
    }
    answer = asked.stream("hi", **options).read() if streaming else asked.invoke("hi", **options)
    await answer
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if streaming else {}
    assert poe.calls[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "top_p": 0.5,
        "max_tokens": 10,
        "temperature": 0.7,
        "stop": ["x"],
        "reasoning_effort": "low",
        "webSearch": True,
        **streamed,
    }


async def test_without_options_a_request_is_the_model_and_the_messages() -> None:
    app = Answers(whole())
    await model(app, model="Claude").invoke("hi")
    assert app.bodies == [{"model": "Claude", "messages": [{"role": "user", "content": "hi"}]}]
    (request,) = app.requests
    assert (request["method"], request["headers"]["content-type"]) == ("POST", "application/json")
    assert request["headers"]["accept"] == "application/json"


async def test_wrong_options_are_told_when_they_are_given() -> None:
    with pytest.raises(ConfigurationError, match="temperature"):
        PoeChatModel(model_options={"temperature": "hot"})
    with pytest.raises(ConfigurationError, match="messages"):
        model(Answers(whole())).stream("hi", model_options={"messages": []})


async def test_changing_the_options_one_gave_changes_no_call() -> None:
    options: dict[str, Any] = {"stop": ["a"]}
    app = Answers(whole())
    asked = model(app, model_options=options)
    options["temperature"] = 1
    await asked.invoke("hi")
    assert "temperature" not in app.bodies[0]


# ---- messages


async def test_messages_in_every_form_go_out_as_the_api_has_them() -> None:
    app = Answers(whole())
    asked = model(app)
    await asked.invoke("hi")
    await asked.invoke(user("hi"))
    await asked.invoke({"role": "user", "content": "hi"})
    await asked.invoke([{"role": "user", "content": "hi"}])
    assert [body["messages"] for body in app.bodies] == [[{"role": "user", "content": "hi"}]] * 4
    image = File(url="https://x.test/cat.png", name="cat.png", content_type="image/png")
    await asked.invoke([system("Be brief."), user("What is it?", image), assistant("A cat."), user("\ud800?")])
    assert app.bodies[-1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "https://x.test/cat.png"}},
            ],
        },
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "\ud800?"},
    ]


async def test_what_is_no_json_in_a_message_is_a_mistake() -> None:
    app = Answers(whole())
    today = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with pytest.raises(ConfigurationError, match="not JSON"):
        await model(app).invoke([{"role": "user", "content": "hi", "when": today}])
    assert app.requests == []


# ---- what comes back


async def test_an_answer_has_all_that_came() -> None:
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    picture = "![cat.png](https://pfst.cf2.poecdn.net/base/image/1)"
    app = Answers(
        whole(f"Look:\n\n{picture}", reasoning="Hm", reasoning_content="Hm", usage=usage, tool_calls=[call("f")])
    )
    result = await model(app, model="asked-for").invoke("hi")
    assert str(result) == result.text == f"Look:\n\n{picture}"
    assert (result.model, result.thoughts, result.finish_reason, result.complete) == ("m", "Hm", "stop", True)
    assert result.usage == TokenUsage(7, 3, cached_tokens=2, reasoning_tokens=1)
    assert [each.name for each in result.tool_calls] == ["f"]
    file = File(url="https://pfst.cf2.poecdn.net/base/image/1", name="cat.png", content_type="image/png")
    assert result.files == (file,)
    assert result.raw["id"] == "chatcmpl-1"
    assert result.raw["choices"][0]["message"]["reasoning_content"] == "Hm"
    assert result.to_dict() == {
        "text": result.text,
        "model": "m",
        "usage": {
            "input_tokens": 7,
            "output_tokens": 3,
            "cached_tokens": 2,
            "reasoning_tokens": 1,
            "is_estimate": False,
        },
        "thoughts": "Hm",
        "tool_calls": [call("f")],
        "files": [{"url": file.url, "name": "cat.png", "content_type": "image/png"}],
        "finish_reason": "stop",
    }


@pytest.mark.parametrize("echo", [None, "", 5])
async def test_where_no_name_comes_back_it_is_the_one_asked_for(echo: Any) -> None:
    body = {"model": echo, "choices": [{"message": {"content": "Hello"}}]}
    app = Answers(
        (200, {"content-type": "application/json"}, [str(body).replace("'", '"').replace("None", "null").encode()])
    )
    result = await model(app, model="Asked-For").invoke("hi")
    assert (result.text, result.model, result.finish_reason, result.usage.is_estimate) == (
        "Hello",
        "Asked-For",
        None,
        True,
    )


async def test_zero_tokens_for_calls_are_reported_as_they_are_and_marked() -> None:
    poe = FakePoe()
    poe.bot("m", ToolCall("f"))
    result = await model(poe, model="m").invoke("hi", tools=[{"type": "function", "function": {"name": "f"}}])
    assert (result.usage.output_tokens, result.usage.is_estimate) == (0, True)


async def test_a_conversation_goes_on_with_the_messages_of_the_answer() -> None:
    app = Answers(whole("Hello", reasoning="Hm"))
    asked = model(app)
    talk: list[Any] = [{"role": "user", "content": "hi"}]
    for answer in (await asked.invoke(talk), await asked.stream(talk).read()):
        assert answer.messages == ({"role": "assistant", "content": "Hello"},)
    await asked.invoke([*talk, *answer.messages, user("again")])
    assert app.bodies[-1]["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "again"},
    ]


async def test_a_stream_amounts_to_a_body() -> None:
    result = (
        await model(Answers(stream(chunk(content="Hel"), chunk(content="lo", finish="stop"), DONE))).stream("hi").read()
    )
    assert result.raw == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }


# ---- the list of models


async def test_models_are_typed_hints_and_need_no_key() -> None:
    poe = FakePoe()
    poe.bot("Claude", "x")
    poe.models["Claude"] = {"context_window": {"context_length": 200_000}, "supported_features": ["tools"]}
    listed = await PoeChatModel(transport=poe.transport()).models()
    (claude,) = [each for each in listed if each.id == "claude"]
    assert (claude.context_length, claude.features) == (200_000, ("tools",))


async def test_a_model_that_is_not_listed_is_called_all_the_same() -> None:
    poe = FakePoe()
    asked = model(poe, model="unlisted")
    assert "unlisted" not in [each.id for each in await asked.models()]
    assert "stand-in" in (await asked.invoke("hi")).text


async def test_models_of_another_api_are_asked_there() -> None:
    where = Where(Answers((200, {"content-type": "application/json"}, [b'{"data": [{"id": "x"}]}'])))
    listed = await PoeChatModel(api_key="k", base_url="https://other.test/v1/", transport=where).models()
    assert ([each.id for each in listed], where.urls) == (["x"], ["https://other.test/v1/models"])


async def test_a_list_that_cannot_be_had_is_an_error_of_the_call() -> None:
    poe = FakePoe()
    poe.overloaded(times=None)
    with pytest.raises(UpstreamError, match="Listing the models"):
        await model(poe, retry=Retry(attempts=1)).models()


# ---- one protocol


async def test_every_model_is_a_chat_model() -> None:
    async def ask(asked: ChatModel) -> ChatResult:
        return await asked.invoke("hi")

    poe = FakePoe()
    poe.bot("m", Script(Thought("Hm"), "Hello"))
    client = poe_asgi.PoeClient(api_key="k", transport=poe.transport())
    models: list[BaseChatModel] = [model(poe, model="m"), ScriptedModel("Hello", model="m"), BotModel(client, "m")]
    for each in models:
        assert ((await ask(each)).text, each.model) == ("Hello", "m")


async def test_the_protocol_names_what_every_model_has() -> None:
    members = {name for name in vars(ChatModel) if not name.startswith("_")}
    assert members == {"invoke", "model", "parse", "stream"}
