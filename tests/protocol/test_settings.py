from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._controls import TextField, ToggleSwitch
from poe_asgi.protocol._parameters import ParameterControls, Section
from poe_asgi.protocol._settings import Settings

SAMPLE = pathlib.Path(__file__).parents[2] / "../shared/fixtures/seed-requests/settings-answer.json"
STATED = {
    "response_version": 2,
    "server_bot_dependencies": {},
    "allow_attachments": True,
    "expand_text_attachments": True,
    "enable_image_comprehension": False,
    "enforce_author_role_alternation": False,
    "enable_multi_entity_prompting": True,
}
CONTROLS = ParameterControls([Section(controls=[TextField("Name", parameter_name="name")])])
OFF = ParameterControls([Section(controls=[ToggleSwitch("On", parameter_name="on")])])


def refused(message: str, **fields: Any) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(message)):
        Settings(**fields)


# What goes out


def test_what_poe_may_change_the_default_of_is_always_stated_and_nothing_else() -> None:
    assert Settings().to_wire() == STATED


def test_the_sample_of_the_quick_reference_can_be_said() -> None:
    if not SAMPLE.exists():
        pytest.skip("the sample answer is not part of the project")
    sample = json.loads(SAMPLE.read_text())
    settings = Settings(
        response_version=1,
        introduction_message="Hello!",
        server_bot_dependencies={"Claude": 1},
        enable_multi_entity_prompting=False,
    )
    assert settings.to_wire() == sample
    assert Settings.from_wire(sample) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_version", 0),
        ("response_version", 1),
        ("server_bot_dependencies", {"Claude": 99, "GPT": 1}),
        ("allow_attachments", False),
        ("expand_text_attachments", False),
        ("enable_image_comprehension", True),
        ("introduction_message", "Hi *you*"),
        ("enforce_author_role_alternation", True),
        ("enable_multi_entity_prompting", False),
        ("rate_card", "[usd_milli_cents=30] a message"),
        ("rate_card", ""),
        ("cost_label", "[usd_milli_cents=30]+"),
        ("enable_multi_bot_chat_prompting", False),
        ("custom_rate_card", "free"),
        ("context_clear_window_secs", 0),
        ("allow_user_context_clear", False),
    ],
)
def test_every_field_goes_out_under_its_own_name_once_set(name: str, value: Any) -> None:
    assert Settings(**{name: value}).to_wire() == {**STATED, name: value}


def test_parameter_controls_go_out_in_their_wire_form() -> None:
    assert Settings(parameter_controls=CONTROLS).to_wire() == {**STATED, "parameter_controls": CONTROLS.to_wire()}


def test_extra_keys_go_out_beside_the_others_and_nulls_do_not() -> None:
    settings = Settings(extra={"new_key": {"deep": [1, None]}, "unset": None})
    assert settings.to_wire() == {**STATED, "new_key": {"deep": [1, None]}}
    assert settings == Settings(extra={"new_key": {"deep": [1, None]}})


# Values stay what they are


def test_settings_share_nothing_with_the_callers_dicts() -> None:
    calls, extra = {"Claude": 1}, {"list": [1]}
    settings = Settings(server_bot_dependencies=calls, extra=extra)
    calls["Claude"] = 1000
    extra["list"].append(2)
    wire = settings.to_wire()
    wire["server_bot_dependencies"]["GPT"] = 5
    wire["list"].append(3)
    assert settings.to_wire() == {**STATED, "server_bot_dependencies": {"Claude": 1}, "list": [1]}
    assert (calls, extra) == ({"Claude": 1000}, {"list": [1, 2]})


@pytest.mark.parametrize("name", ["server_bot_dependencies", "extra"])
def test_the_mappings_cannot_be_changed(name: str) -> None:
    with pytest.raises(TypeError):
        getattr(Settings(), name)["x"] = 1


def test_equal_settings_have_equal_hashes() -> None:
    one, other = (Settings(server_bot_dependencies={"A": 1}, extra={"b": [2]}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)


def test_replace_makes_a_checked_copy() -> None:
    settings = Settings(server_bot_dependencies={"Claude": 2}, extra={"a": 1})
    changed = settings.replace(introduction_message="Hi", parameter_controls=CONTROLS)
    assert changed.to_wire() == {
        **settings.to_wire(),
        "introduction_message": "Hi",
        "parameter_controls": CONTROLS.to_wire(),
    }
    assert settings.introduction_message == ""
    with pytest.raises(ConfigurationError, match="parameter_controls need response_version 2"):
        changed.replace(response_version=1)
    with pytest.raises(ConfigurationError, match="Did you mean 'introduction_message'"):
        settings.replace(introduction="Hi")


# Mistakes


def test_an_unknown_field_is_refused_with_the_nearest_one() -> None:
    refused("Settings() has no argument 'allow_attachment'. Did you mean 'allow_attachments'?", allow_attachment=True)


@pytest.mark.parametrize("value", [1, 0, "true", None])
@pytest.mark.parametrize("name", [name for name, value in STATED.items() if isinstance(value, bool)])
def test_a_switch_is_true_or_false(name: str, value: Any) -> None:
    refused(f"Settings: {name} must be true or false, not {value!r}.", **{name: value})


@pytest.mark.parametrize("name", ["enable_multi_bot_chat_prompting", "allow_user_context_clear"])
def test_a_deprecated_switch_is_true_false_or_not_set(name: str) -> None:
    not_set: dict[str, Any] = {name: None}
    assert name not in Settings(**not_set).to_wire()
    refused(f"Settings: {name} must be true or false, not 1.", **{name: 1})


@pytest.mark.parametrize("name", ["introduction_message", "rate_card", "cost_label", "custom_rate_card"])
def test_texts_are_strings(name: str) -> None:
    refused(f"Settings: {name} must be a string, not 5.", **{name: 5})


def test_the_introduction_is_not_none() -> None:
    refused("Settings: introduction_message must be a string, not None.", introduction_message=None)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (3, "must be 0, 1 or 2, not 3"),
        (-1, "must be 0, 1 or 2, not -1"),
        (True, "must be a whole number, not True"),
        ("2", "must be a whole number, not '2'"),
        (2.0, "must be a whole number, not 2.0"),
        (None, "must be a whole number, not None"),
    ],
)
def test_the_response_version_is_0_1_or_2(value: Any, problem: str) -> None:
    refused(f"Settings: response_version {problem}.", response_version=value)


@pytest.mark.parametrize("value", [True, 1.5, "60"])
def test_the_context_window_is_a_whole_number_of_seconds(value: Any) -> None:
    refused("Settings: context_clear_window_secs must be a whole number", context_clear_window_secs=value)


def test_the_context_window_is_not_negative() -> None:
    refused("Settings: context_clear_window_secs must be 0 or more seconds, not -1.", context_clear_window_secs=-1)


@pytest.mark.parametrize("count", [0, -1, True, 1.0, "1", None])
def test_calls_to_a_bot_are_whole_numbers_from_1(count: Any) -> None:
    refused(
        f"Settings: server_bot_dependencies.Claude must be a whole number from 1, not {count!r}.",
        server_bot_dependencies={"Claude": count},
    )


def test_calls_to_all_bots_are_100_at_most() -> None:
    assert sum(Settings(server_bot_dependencies={"A": 60, "B": 40}).server_bot_dependencies.values()) == 100
    refused(
        "Settings: server_bot_dependencies add up to 101 calls; Poe allows 100 per user message.",
        server_bot_dependencies={"A": 60, "B": 41},
    )


@pytest.mark.parametrize("value", [["Claude"], "Claude", None])
def test_dependencies_are_a_mapping(value: Any) -> None:
    refused("Settings: server_bot_dependencies must map bot names to numbers", server_bot_dependencies=value)


@pytest.mark.parametrize("name", ["", 1])
def test_dependencies_have_bot_names(name: Any) -> None:
    refused(
        f"Settings: server_bot_dependencies must have bot names as keys, not {name!r}.",
        server_bot_dependencies={name: 1},
    )


@pytest.mark.parametrize("version", [0, 1])
def test_controls_with_an_older_response_version_are_refused_as_poe_drops_them(version: int) -> None:
    refused(
        f"Settings: parameter_controls need response_version 2: with {version} Poe drops them silently.",
        parameter_controls=CONTROLS,
        response_version=version,
    )


@pytest.mark.parametrize(
    "value", [{"api_version": "2", "sections": []}, Section(controls=[TextField("A", parameter_name="a")])]
)
def test_controls_are_parameter_controls(value: Any) -> None:
    refused("Settings: parameter_controls must be ParameterControls(...)", parameter_controls=value)


def test_extra_is_for_keys_that_are_no_fields() -> None:
    refused(
        "Settings: extra.rate_card is a field of Settings: write Settings(rate_card=...).", extra={"rate_card": "free"}
    )
    assert Settings(extra={"extra": 1}).to_wire() == {**STATED, "extra": 1}


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ([], "must map keys to JSON values, not []"),
        ({1: 2}, "must have strings as keys, not 1"),
        ({"a": {1, 2}}, "must hold JSON values only: Object of type set"),
        ({"a": [float("nan")]}, "must hold JSON values only: Out of range float values"),
    ],
)
def test_extra_holds_json(extra: Any, problem: str) -> None:
    refused(f"Settings: extra {problem}", extra=extra)


def test_extra_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    refused("Settings: extra must hold JSON values only", extra=endless)


# Reading


def test_an_answer_without_a_version_has_the_defaults_of_version_0() -> None:
    for empty in ({}, {"response_version": None, "allow_attachments": None}):
        settings = Settings.from_wire(empty)
        assert settings == Settings(response_version=0, allow_attachments=False, enable_multi_entity_prompting=False)


@pytest.mark.parametrize("version", [1, 2])
def test_an_answer_with_a_version_has_the_defaults_of_this_class(version: int) -> None:
    assert Settings.from_wire({"response_version": version}) == Settings(response_version=version)


def test_what_an_old_answer_states_counts() -> None:
    settings = Settings.from_wire({"allow_attachments": True, "enable_multi_bot_chat_prompting": True})
    assert (settings.allow_attachments, settings.enable_multi_bot_chat_prompting) == (True, True)


def test_unknown_keys_go_to_extra_and_nulls_count_as_not_set() -> None:
    obj = {**STATED, "new_key": [1], "rate_card": None, "other_new_key": None, "extra": "x"}
    settings = Settings.from_wire(obj)
    assert settings == Settings(extra={"new_key": [1], "extra": "x"})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ([], "Settings must be an object, not []."),
        ({"allow_attachments": 1}, "allow_attachments must be true or false, not 1."),
        ({"response_version": "2"}, "response_version must be a whole number, not '2'."),
        ({"response_version": False}, "response_version must be a whole number, not False."),
        ({"server_bot_dependencies": {"A": 0}}, "server_bot_dependencies.A must be a whole number from 1, not 0."),
        ({"server_bot_dependencies": []}, "server_bot_dependencies must map bot names"),
        ({"parameter_controls": CONTROLS.to_wire()}, "parameter_controls need response_version 2: with 0 Poe drops"),
        ({"parameter_controls": []}, "parameter_controls must be an object, not []."),
        (
            {"response_version": 2, "parameter_controls": {"api_version": "2", "sections": [{"controls": []}]}},
            "parameter_controls.sections.0.controls must not be empty",
        ),
    ],
)
def test_what_poe_would_refuse_is_refused_with_its_path(obj: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(message)):
        Settings.from_wire(obj)


def test_the_path_can_start_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match=r"^echo\.rate_card must be a string"):
        Settings.from_wire({"rate_card": 1}, "echo")


flags, maybe_flags, maybe_texts = st.booleans(), st.none() | st.booleans(), st.none() | st.text(max_size=8)
json_values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
new_keys = st.text(max_size=8).map(lambda text: f"new_{text}")
any_settings = st.builds(
    Settings,
    response_version=st.integers(0, 2),
    server_bot_dependencies=st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 25), max_size=4),
    allow_attachments=flags,
    expand_text_attachments=flags,
    enable_image_comprehension=flags,
    introduction_message=st.text(max_size=8),
    enforce_author_role_alternation=flags,
    enable_multi_entity_prompting=flags,
    rate_card=maybe_texts,
    cost_label=maybe_texts,
    enable_multi_bot_chat_prompting=maybe_flags,
    custom_rate_card=maybe_texts,
    context_clear_window_secs=st.none() | st.integers(0, 10**6),
    allow_user_context_clear=maybe_flags,
    extra=st.dictionaries(new_keys, json_values, max_size=3),
)


@given(any_settings, st.none() | st.sampled_from([CONTROLS, OFF]))
def test_what_is_written_reads_back_the_same(settings: Settings, controls: ParameterControls | None) -> None:
    if controls is not None:
        settings = settings.replace(response_version=2, parameter_controls=controls)
    wire = json.loads(json.dumps(settings.to_wire()))
    assert Settings.from_wire(wire) == settings
    assert Settings.from_wire(wire).to_wire() == wire
    assert None not in wire.values()
