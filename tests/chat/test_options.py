"""`wire_options`: model options from the user to the body of a request."""

from __future__ import annotations

import copy
import json
from collections import UserDict
from decimal import Decimal
from typing import Any

import pytest

from poe_asgi import ConfigurationError
from poe_asgi.chat._options import MAX_NESTING, wire_options


def test_without_options_nothing_is_sent() -> None:
    assert wire_options() == {}
    assert wire_options(None, {}, None) == {}


def test_later_layers_win() -> None:
    layers = {"temperature": 0.1, "seed": 1}, None, {"temperature": 0.5}, {"top_p": 1}
    assert wire_options(*layers) == {"temperature": 0.5, "seed": 1, "top_p": 1}


@pytest.mark.parametrize(
    ("name", "on_the_wire"),
    [
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("top_p", "top_p"),
        ("maxTokens", "max_tokens"),
        ("maxCompletionTokens", "max_completion_tokens"),
        ("reasoningEffort", "reasoning_effort"),
        ("thinkingBudget", "thinking_budget"),
        ("webSearch", "web_search"),
        ("parallelToolCalls", "parallel_tool_calls"),
        ("responseFormat", "response_format"),
        ("streamOptions", "stream_options"),
        ("topLogprobs", "top_logprobs"),
        ("imageURL", "image_url"),
        ("useHTTPProxy", "use_http_proxy"),
        ("step2Size", "step2_size"),
        ("Aspect", "Aspect"),
        ("AspectRatio", "AspectRatio"),
        ("image_URL", "image_URL"),
        ("_camelCase", "_camelCase"),
        ("top-p", "top-p"),
        ("größeX", "größeX"),
        ("X", "X"),
    ],
)
def test_camel_case_becomes_snake_case_and_other_names_stay(name: str, on_the_wire: str) -> None:
    assert wire_options({name: 1}) == {on_the_wire: 1}


def test_a_layer_may_spell_an_option_as_another_one_does_not() -> None:
    assert wire_options({"topP": 0.1}, {"top_p": 0.2}) == {"top_p": 0.2}
    assert wire_options({"top_p": 0.1}, {"topP": 0.2}) == {"top_p": 0.2}


@pytest.mark.parametrize("value", [0.1, None])
def test_one_option_in_two_spellings_of_one_layer_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'topP' and 'top_p' are the same"):
        wire_options({"topP": 0.1, "top_p": value})
    with pytest.raises(ConfigurationError, match=r"'extra_body' and 'extraBody' are the same"):
        wire_options({"extra_body": {}, "extraBody": {}})


def test_none_is_not_sent_and_takes_an_earlier_value_away() -> None:
    assert wire_options({"seed": None}) == {}
    assert wire_options({"seed": 1, "top_p": 1}, {"seed": None}) == {"top_p": 1}
    assert wire_options({"topP": 1}, {"top_p": None}, {"topP": 0.5}) == {"top_p": 0.5}


@pytest.mark.parametrize("value", [0, 0.0, False, "", [], {}])
def test_what_is_false_is_sent(value: Any) -> None:
    assert wire_options({"option": value}) == {"option": value}


@pytest.mark.parametrize("name", ["extra_body", "extraBody"])
def test_extra_members_go_to_the_top_as_they_are(name: str) -> None:
    options = wire_options({"aspect": "1:1", name: {"thinkingBudget": 5, "Size": {"maxWidth": 1}, "aspect": "16:9"}})
    assert options == {"aspect": "16:9", "thinkingBudget": 5, "Size": {"maxWidth": 1}}


def test_an_extra_member_wins_in_its_layer_and_a_later_layer_over_both() -> None:
    assert wire_options({"extra_body": {"top_p": 1}, "topP": 0.5}) == {"top_p": 1}
    assert wire_options({"extra_body": {"top_p": 1}}, {"topP": 0.5}) == {"top_p": 0.5}
    assert wire_options({"topP": 0.5}, {"extra_body": {"top_p": 1}}) == {"top_p": 1}


def test_extra_members_of_several_layers_come_together() -> None:
    assert wire_options({"extra_body": {"a": 1, "b": 1}}, {"extra_body": {"b": 2}}) == {"a": 1, "b": 2}


def test_a_null_among_the_extra_members_is_sent() -> None:
    assert wire_options({"seed": 1, "n": None}, {"extra_body": {"seed": None, "n": None}}) == {"seed": None, "n": None}


def test_extra_members_can_be_taken_away_one_by_one_or_together() -> None:
    layer = {"seed": 1, "extra_body": {"a": 1, "camelCase": 1}}
    assert wire_options(layer, {"a": None}) == {"seed": 1, "camelCase": 1}
    assert wire_options(layer, {"extra_body": None}) == {"seed": 1}
    assert wire_options(layer, {"a": 2}, {"extra_body": None}) == {"seed": 1, "a": 2}


@pytest.mark.parametrize("value", ["aspect", 5, [("a", 1)], False])
def test_extra_members_come_in_a_mapping(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="extra_body must be a mapping"):
        wire_options({"extra_body": value})


@pytest.mark.parametrize("layer", ["temperature", 0.5, [("a", 1)], ""])
def test_a_layer_is_a_mapping(layer: Any) -> None:
    with pytest.raises(ConfigurationError, match="model_options must be a mapping"):
        wire_options(layer)


@pytest.mark.parametrize("layer", [{1: 1}, {"": 1}, {None: 1}, {"extra_body": {1: 1}}, {"extra_body": {"": 1}}])
def test_a_name_is_a_string(layer: Any) -> None:
    with pytest.raises(ConfigurationError, match="the name of an option is a string"):
        wire_options(layer)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model", r"PoeChatModel\(model=…\)"),
        ("messages", r"model\.invoke\(messages\)"),
        ("stream", r"model\.stream\(messages\)"),
        ("tools", "tools=…"),
        ("tool_choice", "tool_choice=…"),
    ],
)
def test_what_a_call_has_a_place_for_is_no_option_not_even_an_extra_one(name: str, place: str) -> None:
    for layer in ({name: None}, {name: "x"}, {"extra_body": {name: "x"}}):
        with pytest.raises(ConfigurationError, match=rf"'{name}' is no model option: .*{place}"):
            wire_options(layer)


def test_camel_case_is_no_way_around() -> None:
    with pytest.raises(ConfigurationError, match="'tool_choice' is no model option"):
        wire_options({"toolChoice": "auto"})


@pytest.mark.parametrize("name", ["apiKey", "api_key", "baseURL", "base_url", "timeout", "streaming", "extra_headers"])
def test_what_belongs_to_the_client_is_an_option_only_as_a_parameter_of_a_bot(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no model option: .* goes into extra_body"):
        wire_options({name: "sk-1"})
    assert wire_options({"extra_body": {name: 1}}) == {name: 1}


def test_a_refused_key_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        wire_options({"api_key": "sk-secret"})
    assert "secret" not in str(caught.value)


def test_one_answer_may_be_asked_for_and_no_other_number() -> None:
    assert wire_options({"n": 1}) == {"n": 1}
    for layer in ({"n": 2}, {"n": 0}, {"n": "1"}, {"n": True}, {"n": 1.0}, {"extra_body": {"n": 2}}):
        with pytest.raises(ConfigurationError, match="'n' must be 1"):
            wire_options(layer)


def test_sequences_and_mappings_become_lists_and_dictionaries() -> None:
    options = wire_options(
        {
            "stop": ("a", "b"),
            "kinds": {"y", "x"},
            "others": frozenset({2}),
            "logit_bias": UserDict({50256: -100, "7": 1}),
            "nested": [({"deepKey": (1,)},)],
        }
    )
    assert options == {
        "stop": ["a", "b"],
        "kinds": ["x", "y"],
        "others": [2],
        "logit_bias": {"50256": -100, "7": 1},
        "nested": [[{"deepKey": [1]}]],
    }
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), "option"),
        (float("inf"), "option"),
        (object(), "option"),
        (b"bytes", "option"),
        (Decimal(1), "option"),
        (range(3), "option"),
        (print, "option"),
        ([1, object()], r"option\.1"),
        ({"a": {"b": {float("nan")}}}, r"option\.a\.b\.0"),
        ({None: 1}, "option"),
        ({(1, 2): 1}, "option"),
        ({True: 1}, "option"),
    ],
)
def test_a_value_that_is_not_json_is_refused_by_name(value: Any, path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{path}' (is|has the key) .*JSON"):
        wire_options({"option": value})
    with pytest.raises(ConfigurationError, match=rf"'extra_body\.{path}' (is|has the key) .*JSON"):
        wire_options({"extra_body": {"option": value}})


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ConfigurationError, match=f"'option[^']*' nests more than {MAX_NESTING} deep"):
        wire_options({"option": loop})


@pytest.mark.parametrize("name", ["temperature", "topP", "max_tokens", "maxCompletionTokens"])
@pytest.mark.parametrize("value", ["0.5", True])
def test_a_number_is_no_text_and_no_boolean(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a number"):
        wire_options({name: value})


@pytest.mark.parametrize("value", [-1, 2.5, 1_000])
def test_ranges_are_left_to_the_api(value: float) -> None:
    assert wire_options({"temperature": value, "top_p": value}) == {"temperature": value, "top_p": value}


def test_the_layers_are_left_alone_and_share_nothing_with_the_result() -> None:
    layers: list[dict[str, Any]] = [
        {"topP": 1, "stop": ["a"], "extraBody": {"aspect": {"of": [1]}}},
        {"topP": None, "metadata": {"a": {"b": 1}}},
    ]
    before = copy.deepcopy(layers)
    options = wire_options(*layers)
    options["stop"].append("b")
    options["aspect"]["of"].append(2)
    options["metadata"]["a"]["b"] = 2
    assert layers == before
