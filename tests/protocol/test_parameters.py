from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._comparisons import Comparison, LiteralValue, ParameterValue
from poe_asgi.protocol._controls import (
    AnyControl,
    AspectRatio,
    Condition,
    Control,
    Divider,
    DropDown,
    Option,
    Ratio,
    Slider,
    TextArea,
    TextField,
    ToggleSwitch,
)
from poe_asgi.protocol._parameters import ParameterControls, Section, Tab

NAME = TextField("Name", parameter_name="name")
MAIN = Section(controls=[NAME])
A = {"label": "A", "parameter_name": "a"}
IF_A = Comparison("ne", ParameterValue("a"), LiteralValue("x"))
IF_FAST = Comparison("eq", ParameterValue("fast"), LiteralValue(True))


def controls_of(*controls: AnyControl) -> ParameterControls:
    return ParameterControls([Section(controls=controls)])


def refused(build: Callable[[], object], *parts: str) -> None:
    """Building raises a ConfigurationError whose message has all the parts."""
    with pytest.raises(ConfigurationError) as caught:
        build()
    for part in parts:
        assert part in str(caught.value)


# What goes out


def test_every_control_has_its_tag_and_only_what_was_set() -> None:
    controls = ParameterControls(
        [
            Section(
                "Main",
                controls=[
                    TextField("Name", parameter_name="name", default_value="", placeholder="Jo", description="Who"),
                    TextArea("Notes", parameter_name="notes"),
                    Divider(),
                    DropDown("Style", parameter_name="style", options=[Option("o", "Oil"), "ink"], default_value="ink"),
                    ToggleSwitch("Fast", parameter_name="fast", default_value=False),
                    Slider("Heat", parameter_name="heat", min_value=0, max_value=1, step=0.1, default_value=0),
                    AspectRatio("Shape", parameter_name="shape", options=[Ratio(16, 9), Ratio(1, 1, "square")]),
                    Condition(IF_FAST, controls=[TextField("Why", parameter_name="why")]),
                ],
                collapsed_by_default=False,
            ),
            Section(tabs=[Tab("More", [Divider()])]),
        ]
    )
    assert controls.to_wire() == {
        "api_version": "2",
        "sections": [
            {
                "name": "Main",
                "collapsed_by_default": False,
                "controls": [
                    {
                        "control": "text_field",
                        "label": "Name",
                        "parameter_name": "name",
                        "default_value": "",
                        "placeholder": "Jo",
                        "description": "Who",
                    },
                    {"control": "text_area", "label": "Notes", "parameter_name": "notes"},
                    {"control": "divider"},
                    {
                        "control": "drop_down",
                        "label": "Style",
                        "parameter_name": "style",
                        "options": [{"value": "o", "name": "Oil"}, {"value": "ink", "name": "ink"}],
                        "default_value": "ink",
                    },
                    {"control": "toggle_switch", "label": "Fast", "parameter_name": "fast", "default_value": False},
                    {
                        "control": "slider",
                        "label": "Heat",
                        "parameter_name": "heat",
                        "min_value": 0,
                        "max_value": 1,
                        "step": 0.1,
                        "default_value": 0,
                    },
                    {
                        "control": "aspect_ratio",
                        "label": "Shape",
                        "parameter_name": "shape",
                        "options": [{"width": 16, "height": 9}, {"width": 1, "height": 1, "value": "square"}],
                    },
                    {
                        "control": "condition",
                        "condition": {
                            "comparator": "eq",
                            "left": {"parameter_name": "fast"},
                            "right": {"literal": True},
                        },
                        "controls": [{"control": "text_field", "label": "Why", "parameter_name": "why"}],
                    },
                ],
            },
            {"tabs": [{"name": "More", "controls": [{"control": "divider"}]}]},
        ],
    }


def test_sequences_are_kept_as_tuples_and_the_callers_lists_stay_theirs() -> None:
    options: list[Option | str] = ["a", "b"]
    drop_down = DropDown("Style", parameter_name="style", options=options)
    controls: list[AnyControl] = [drop_down]
    section = Section(controls=controls)
    options.append("c")
    controls.clear()
    assert section.controls == (drop_down,)
    assert drop_down.options == (Option("a", "a"), Option("b", "b"))
    assert hash(section) == hash(Section(controls=[drop_down]))


def test_changing_the_wire_form_changes_no_control() -> None:
    controls = controls_of(NAME)
    controls.to_wire()["sections"].clear()
    assert len(controls.to_wire()["sections"]) == 1


def test_walk_tells_every_control_with_its_path() -> None:
    switch = ToggleSwitch("Fast", parameter_name="fast")
    condition = Condition(IF_FAST, controls=[NAME, Divider()])
    controls = ParameterControls([Section(controls=[switch]), Section(tabs=[Tab("A", [condition])])])
    assert list(controls.walk()) == [
        ("sections.0.controls.0", switch),
        ("sections.1.tabs.0.controls.0", condition),
        ("sections.1.tabs.0.controls.0.controls.0", NAME),
        ("sections.1.tabs.0.controls.0.controls.1", Divider()),
    ]


# Sections, tabs, versions


def test_a_section_has_controls_or_tabs() -> None:
    refused(lambda: Section("Empty"), "Section 'Empty': controls and tabs are both missing")
    refused(lambda: Section(controls=[NAME], tabs=[Tab("A", [NAME])]), "Section: tabs cannot stand beside controls")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Section(controls=[]), "Section: controls must not be empty"),
        (lambda: Section(tabs=[]), "Section: tabs must not be empty"),
        (lambda: Tab("A", []), "Tab 'A': controls must not be empty"),
        (lambda: ParameterControls([]), "ParameterControls: sections must not be empty"),
        (lambda: Condition(IF_FAST, controls=[]), "Condition: controls must not be empty"),
        (lambda: DropDown("A", parameter_name="a", options=[]), "DropDown 'a': options must not be empty"),
        (lambda: AspectRatio("A", parameter_name="a", options=[]), "AspectRatio 'a': options must not be empty"),
    ],
)
def test_no_list_may_be_empty(build: Callable[[], object], message: str) -> None:
    refused(build, message)


def test_a_tab_needs_a_name() -> None:
    refused(lambda: Tab(None, [NAME]), "Tab: name must be a string, not None")  # type: ignore[arg-type]
    refused(lambda: Tab("", [NAME]), "Tab ''", "name must not be empty")


def test_the_only_api_version_is_2() -> None:
    assert ParameterControls([Section(controls=[NAME])], api_version="2").api_version == "2"
    refused(lambda: ParameterControls([Section(controls=[NAME])], api_version="1.0"), "api_version must be '2'", "1.0")
    refused(
        lambda: ParameterControls([Section(controls=[NAME])], api_version=2),  # type: ignore[arg-type]
        "api_version must be a string, not 2",
    )


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Section, {"controls": NAME}, "Section: controls must be a list of controls, not TextField"),
        (Section, {"controls": ["name"]}, "Section: controls.0 is 'name'; only controls may stand there"),
        (Section, {"tabs": [NAME]}, "Section: tabs.0 is TextField"),
        (Section, {"name": 1, "controls": [NAME]}, "Section 1: name must be a string, not 1"),
        (Section, {"controls": [NAME], "collapsed_by_default": 1}, "collapsed_by_default must be true or false, not 1"),
        (ParameterControls, {"sections": [NAME]}, "ParameterControls: sections.0 is TextField"),
        (ParameterControls, {"sections": MAIN}, "ParameterControls: sections must be a list of Section values"),
        (DropDown, {**A, "options": "abc"}, "options must be a list of Option values or strings, not 'abc'"),
        (DropDown, {**A, "options": [1]}, "options.0 is 1; only Option values or strings may stand there"),
        (AspectRatio, {**A, "options": [(16, 9)]}, "options.0 is (16, 9); only Ratio values or strings"),
        (Option, {"value": "a", "name": None}, "Option: name must be a string, not None"),
        (Option, {"value": 1, "name": "One"}, "Option 'One': value must be a string, not 1"),
        (Condition, {"condition": "fast", "controls": [NAME]}, "must be a Comparison(...), not 'fast'"),
    ],
)
def test_what_stands_in_the_wrong_place_is_named(kind: Any, fields: dict[str, Any], message: str) -> None:
    refused(lambda: kind(**fields), message)


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (TextField, "placehoder", "placeholder"),
        (TextArea, "default_vale", "default_value"),
        (Slider, "min_valu", "min_value"),
        (ToggleSwitch, "parameter_nam", "parameter_name"),
        (DropDown, "option", "options"),
        (AspectRatio, "option", "options"),
        (Section, "tab", "tabs"),
        (Tab, "control", "controls"),
        (ParameterControls, "section", "sections"),
        (Option, "nam", "name"),
        (Ratio, "heigth", "height"),
        (Condition, "control", "controls"),
        (Comparison, "compare", "comparator"),
        (ParameterValue, "parameter", "parameter_name"),
        (LiteralValue, "litteral", "literal"),
    ],
)
def test_an_unknown_argument_is_refused_with_the_nearest_one(kind: Any, wrong: str, right: str) -> None:
    refused(lambda: kind(**{wrong: 1}), f"{kind.__name__}() has no argument {wrong!r}. Did you mean {right!r}?")


def test_a_divider_has_no_arguments() -> None:
    refused(lambda: Divider(label="A"), "Divider() has no argument 'label'.")  # type: ignore[call-arg]


# Names, labels and defaults


@pytest.mark.parametrize("name", ["a", "A_9", "_x", "9", "poe", "Poe_x", "xpoe_"])
def test_a_parameter_name_has_letters_digits_and_underscores(name: str) -> None:
    assert TextField("A", parameter_name=name).parameter_name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [("my-name", "Try 'my_name'"), ("a b", "Try 'a_b'"), ("größe", "Try 'gr_e'"), ("a\n", "Try 'a'"), ("", "not ''")],
)
def test_any_other_character_in_a_parameter_name_is_refused(name: str, hint: str) -> None:
    refused(lambda: TextField("A", parameter_name=name), "parameter_name may have letters", hint)


def test_poes_own_parameter_names_are_refused() -> None:
    refused(lambda: ToggleSwitch("A", parameter_name="poe_x"), "must not start with 'poe_' as 'poe_x' does")


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (TextField, {"label": None}, "TextField 'a': label must be a string, not None"),
        (TextField, {"parameter_name": 1}, "TextField 1: parameter_name must be a string, not 1"),
        (TextField, {"description": 1}, "TextField 'a': description must be a string, not 1"),
        (TextField, {"default_value": 1}, "default_value must be a string, not 1"),
        (TextArea, {"placeholder": 1}, "TextArea 'a': placeholder must be a string, not 1"),
        (ToggleSwitch, {"default_value": 1}, "default_value must be true or false, not 1"),
        (DropDown, {"options": ["1"], "default_value": 1}, "default_value must be a string, not 1"),
        (AspectRatio, {"options": ["1:1"], "default_value": 1}, "default_value must be a string, not 1"),
    ],
)
def test_texts_and_defaults_have_the_type_of_their_field(kind: Any, fields: dict[str, Any], message: str) -> None:
    refused(lambda: kind(**{**A, **fields}), message)


def slider(min_value: float = 0, max_value: float = 1, step: float = 0.1, default_value: float | None = None) -> Slider:
    return Slider(
        "A", parameter_name="a", min_value=min_value, max_value=max_value, step=step, default_value=default_value
    )


@pytest.mark.parametrize("bad", [True, "1", float("nan"), float("inf"), None])
@pytest.mark.parametrize("name", ["min_value", "max_value", "step"])
def test_the_numbers_of_a_slider_are_finite_numbers_and_no_bools(name: str, bad: Any) -> None:
    refused(lambda: slider(**{name: bad}), f"Slider 'a': {name} must be a finite number, not {bad!r}")


def test_the_default_of_a_slider_is_no_bool() -> None:
    refused(lambda: slider(step=1, default_value=True), "default_value must be a finite number, not True")


def test_a_slider_goes_upwards_in_steps_above_0() -> None:
    refused(lambda: slider(2, 1), "min_value must be below max_value, but 2 is not below 1")
    refused(lambda: slider(1, 1), "min_value must be below max_value, but 1 is not below 1")
    refused(lambda: slider(step=0), "step must be above 0, not 0")
    refused(lambda: slider(step=-0.1), "step must be above 0, not -0.1")


@pytest.mark.parametrize(
    ("low", "high", "step", "default"),
    [
        (0, 1, 0.1, 0.3),
        (0, 1, 0.1, 0.1 + 0.2),
        (0, 1, 0.1, 1),
        (-1, 1, 0.05, 0.35),
        (0.5, 9.5, 1, 3.5),
        (0, 10**15, 1, 10**15 - 1),
        (0, 1e9, 0.001, 123456789.123),
        (1e-9, 1e-6, 1e-9, 5e-7),
        (0, 1, 1 / 3, 2 / 3),
    ],
)
def test_a_default_on_a_step_is_fine(low: float, high: float, step: float, default: float) -> None:
    assert slider(low, high, step, default).default_value == default


@pytest.mark.parametrize(
    ("low", "high", "step", "default"), [(0, 1, 0.1, 0.35), (1, 10, 2, 4), (0, 1, 0.3, 1), (0, 10**15, 10, 10**15 - 1)]
)
def test_a_default_between_two_steps_is_refused(low: float, high: float, step: float, default: float) -> None:
    refused(
        lambda: slider(low, high, step, default),
        f"default_value must be min_value {low} plus a multiple of step {step}, and {default} is not",
    )


@pytest.mark.parametrize("default", [-0.1, 1.1])
def test_a_default_outside_the_range_is_refused(default: float) -> None:
    refused(lambda: slider(default_value=default), f"default_value must be between 0 and 1, not {default}")


def test_the_default_of_a_drop_down_is_the_value_of_an_option() -> None:
    options: list[Option | str] = [Option("oil", "Oil paint"), "ink"]
    assert DropDown("A", parameter_name="a", options=options, default_value="oil").choices == ("oil", "ink")
    refused(
        lambda: DropDown("A", parameter_name="a", options=options, default_value="oli"),
        "default_value must be one of the options, not 'oli'. Did you mean 'oil'?",
    )
    refused(lambda: DropDown("A", parameter_name="a", options=options, default_value="Oil paint"), "must be one of")


def test_option_values_are_unique() -> None:
    refused(
        lambda: DropDown("A", parameter_name="a", options=["x", Option("x", "Other")]),
        "DropDown 'a': options.1 repeats the value 'x'",
    )
    refused(
        lambda: AspectRatio("A", parameter_name="a", options=[Ratio(1, 1), Ratio(2, 2, "1:1")]),
        "AspectRatio 'a': options.1 repeats the value '1:1'",
    )


def test_the_default_of_an_aspect_ratio_is_a_value_or_width_and_height() -> None:
    options = [Ratio(16, 9), Ratio(1, 1, "square"), Ratio(1.5, 1.0)]
    for default in ("16:9", "square", "1.5:1"):
        assert AspectRatio("A", parameter_name="a", options=options, default_value=default).default_value == default
    refused(
        lambda: AspectRatio("A", parameter_name="a", options=options, default_value="1:1"),
        "default_value must be one of the options, not '1:1'",
    )


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("16:9", Ratio(16, 9)), ("1.85:1", Ratio(1.85, 1)), ("016:9.0", Ratio(16, 9, "016:9.0"))],
)
def test_a_ratio_can_be_written_as_text_and_the_bot_receives_that_text(text: str, ratio: Ratio) -> None:
    assert AspectRatio("A", parameter_name="a", options=[text]).options == (ratio,)
    assert ratio.choice == text


@pytest.mark.parametrize("text", ["16x9", "16:9:4", "", "wide", "-1:2", "1e9:1", "1: 2"])
def test_text_that_is_no_ratio_is_refused(text: str) -> None:
    refused(lambda: AspectRatio("A", parameter_name="a", options=[text]), f"{text!r} is not a ratio", "'16:9'")


def test_a_ratio_has_numbers_above_0() -> None:
    refused(lambda: Ratio(0, 1), "Ratio: width must be above 0, not 0")
    refused(lambda: Ratio(1, -1.5), "Ratio: height must be above 0, not -1.5")
    refused(lambda: Ratio(True, 1), "Ratio: width must be a finite number, not True")
    refused(lambda: Ratio("16", 9), "width must be a finite number, not '16'")  # type: ignore[arg-type]
    refused(lambda: Ratio(1, 1, 1), "value must be a string, not 1")  # type: ignore[arg-type]


# Conditions


@pytest.mark.parametrize("comparator", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_there_are_six_comparators(comparator: Any) -> None:
    assert Comparison(comparator, LiteralValue(1), LiteralValue(2)).to_wire()["comparator"] == comparator


def test_the_documented_equals_is_sent_as_eq() -> None:
    comparison = Comparison("equals", ParameterValue("a"), LiteralValue("b"))
    assert comparison == Comparison("eq", ParameterValue("a"), LiteralValue("b"))
    assert comparison.to_wire()["comparator"] == "eq"


@pytest.mark.parametrize("comparator", ["==", "EQ", "in", None, ["eq"]])
def test_any_other_comparator_is_refused(comparator: Any) -> None:
    refused(
        lambda: Comparison(comparator, LiteralValue(1), LiteralValue(2)),
        f"comparator must be one of eq, ne, gt, ge, lt, le, not {comparator!r}",
    )


def test_an_operand_is_a_parameter_or_a_literal() -> None:
    refused(
        lambda: Comparison("eq", "fast", LiteralValue(True)),  # type: ignore[arg-type]
        "left must be ParameterValue(...) or LiteralValue(...), not 'fast'",
    )
    refused(lambda: Comparison("eq", ParameterValue("fast"), True), "right must be")  # type: ignore[arg-type]
    refused(lambda: ParameterValue(1), "parameter_name must be a string, not 1")  # type: ignore[arg-type]


@pytest.mark.parametrize("literal", ["", 0, 1.5, True, False])
def test_a_literal_keeps_its_type(literal: Any) -> None:
    assert json.dumps(LiteralValue(literal).to_wire()) == json.dumps({"literal": literal})


@pytest.mark.parametrize("literal", [None, [], {}, float("nan")])
def test_a_literal_is_a_string_a_number_or_a_bool(literal: Any) -> None:
    refused(lambda: LiteralValue(literal), "LiteralValue: literal must be a string, a finite number, or true or false")


def test_a_condition_holds_no_condition() -> None:
    inner: Any = Condition(IF_FAST, controls=[NAME])
    refused(lambda: Condition(IF_FAST, controls=[inner]), "controls.0 is", "only controls other than a Condition")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_condition_refers_to_a_parameter_that_exists(side: str) -> None:
    operands: dict[str, Any] = {"left": LiteralValue("x"), "right": LiteralValue("x")}
    known = Condition(Comparison("eq", **{**operands, side: ParameterValue("name")}), controls=[Divider()])
    assert controls_of(NAME, known).sections
    unknown = Condition(Comparison("eq", **{**operands, side: ParameterValue("nane")}), controls=[Divider()])
    refused(
        lambda: controls_of(NAME, unknown),
        f"sections.0.controls.1.condition.{side}.parameter_name is 'nane'",
        "no control has that parameter name. Did you mean 'name'?",
    )


def test_a_condition_may_refer_to_another_section() -> None:
    switch = ToggleSwitch("Fast", parameter_name="fast")
    condition = Condition(IF_FAST, controls=[NAME])
    assert ParameterControls([Section(controls=[condition]), Section(tabs=[Tab("A", [switch])])]).sections


# Several controls of one name


def test_controls_may_share_a_name_and_a_default() -> None:
    few = Slider("Few", parameter_name="n", min_value=1, max_value=5, step=1, default_value=2)
    many = Slider("Many", parameter_name="n", min_value=1, max_value=50, step=1, default_value=2.0)
    condition = Condition(Comparison("gt", ParameterValue("n"), LiteralValue(4)), controls=[many])
    assert len(list(controls_of(few, condition).walk())) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TextField("A", parameter_name="a", default_value="x"), TextArea("A", parameter_name="a", default_value="y")),
        (TextField("A", parameter_name="a", default_value="x"), TextArea("A", parameter_name="a")),
        (ToggleSwitch("A", parameter_name="a", default_value=True), slider(default_value=1)),
        (slider(default_value=0), ToggleSwitch("A", parameter_name="a", default_value=False)),
    ],
)
def test_controls_that_share_a_name_but_not_the_default_are_refused(first: Control, second: Control) -> None:
    refused(
        lambda: ParameterControls([Section(controls=[first]), Section(controls=[Condition(IF_A, controls=[second])])]),
        "ParameterControls: sections.1.controls.0.controls.0.default_value must be",
        "as in the other control named 'a'",
    )
