from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given, strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel, ValidationError, create_model
from pydantic.alias_generators import to_camel
from typing_extensions import TypeAliasType

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._comparisons import Comparison, LiteralValue, ParameterValue
from poe_asgi.protocol._controls import (
    AnyControl,
    AspectRatio,
    Condition,
    DropDown,
    Option,
    Ratio,
    Slider,
    TextArea,
    TextField,
    ToggleSwitch,
)
from poe_asgi.protocol._markers import InSection, Labels, Multiline, OnlyIf, Placeholder, Ratios
from poe_asgi.protocol._options import controls_from_model, values_for
from poe_asgi.protocol._parameters import ParameterControls, Section


class Style(str, Enum):  # noqa: UP042
    OIL = "oil"
    INK = "ink"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Speed(Enum):
    SLOW = 0.5
    FAST = 2.0


class Pair(Enum):
    ONE = (1, 2)


def model(annotation: Any, default: Any = ..., **others: Any) -> type[BaseModel]:
    """A model with the field ``x``, and others."""
    return create_model("Options", x=(annotation, default), **others)


def control(annotation: Any, default: Any = ...) -> AnyControl:
    """The control of the field ``x``."""
    controls = controls_from_model(model(annotation, default))
    assert controls.sections[0].controls is not None
    return controls.sections[0].controls[0]


def slider(low: float, high: float, step: float, default: float | None = None) -> Slider:
    return Slider("X", parameter_name="x", min_value=low, max_value=high, step=step, default_value=default)


def refused(build: Callable[[], object], *parts: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    for part in parts:
        assert part in str(caught.value)


# One model, all controls


class Painting(BaseModel):
    style: Annotated[Style, Labels({Style.OIL: "Oil paint"})] = Style.OIL
    size: Literal["s", "l"] = Field(default="s", title="How large", description="In pixels")
    copies: int = Field(default=1, ge=1, le=4)
    strength: float = Field(default=0.7, ge=0, le=1)
    signed: bool = True
    title: Annotated[str, Placeholder("Untitled")] = ""
    story: Annotated[str | None, Multiline(), InSection("More", collapsed=True)] = None
    shape: Annotated[str, Ratios("16:9", "1:1"), OnlyIf("size", "eq", "l"), InSection("More")] = "1:1"


def test_a_model_becomes_controls() -> None:
    assert controls_from_model(Painting) == ParameterControls(
        [
            Section(
                controls=[
                    DropDown(
                        "Style",
                        parameter_name="style",
                        options=[Option("oil", "Oil paint"), Option("ink", "ink")],
                        default_value="oil",
                    ),
                    DropDown(
                        "How large",
                        parameter_name="size",
                        description="In pixels",
                        options=["s", "l"],
                        default_value="s",
                    ),
                    Slider("Copies", parameter_name="copies", min_value=1, max_value=4, step=1, default_value=1),
                    Slider(
                        "Strength", parameter_name="strength", min_value=0, max_value=1, step=0.01, default_value=0.7
                    ),
                    ToggleSwitch("Signed", parameter_name="signed", default_value=True),
                    TextField("Title", parameter_name="title", default_value="", placeholder="Untitled"),
                ]
            ),
            Section(
                "More",
                collapsed_by_default=True,
                controls=[
                    TextArea("Story", parameter_name="story"),
                    Condition(
                        Comparison("eq", ParameterValue("size"), LiteralValue("l")),
                        controls=[
                            AspectRatio("Shape", parameter_name="shape", options=["16:9", "1:1"], default_value="1:1")
                        ],
                    ),
                ],
            ),
        ]
    )


def test_no_parameters_give_the_defaults() -> None:
    assert values_for(Painting, {}) == Painting()


def test_the_defaults_of_the_controls_give_the_defaults_of_the_model() -> None:
    shown = [item.to_wire() for _, item in controls_from_model(Painting).walk()]
    sent = {item["parameter_name"]: item["default_value"] for item in shown if "default_value" in item}
    assert len(sent) == 7
    assert values_for(Painting, sent) == Painting()


# Drop-downs


@pytest.mark.parametrize(
    ("annotation", "choices"),
    [
        (Literal["a", "b"], ("a", "b")),
        (Literal[1, 2], ("1", "2")),
        (Literal["a", None], ("a",)),  # noqa: PYI061
        (Optional[Literal["a"]], ("a",)),  # noqa: UP045
        (Literal[Style.INK], ("ink",)),
        (Style, ("oil", "ink")),
        (Size, ("1", "2")),
        (Speed, ("0.5", "2.0")),
    ],
)
def test_a_choice_becomes_a_drop_down_of_strings(annotation: Any, choices: tuple[str, ...]) -> None:
    assert control(annotation) == DropDown("X", parameter_name="x", options=choices)


@pytest.mark.parametrize(
    ("annotation", "sent", "value"),
    [
        (Literal["1", "b"], "1", "1"),
        (Literal[1, 2], "2", 2),
        (Literal[1, 2], 2, 2),
        (Literal[Style.INK], "ink", Style.INK),
        (Style, "ink", Style.INK),
        (Size, "2", Size.LARGE),
        (Speed, "2.0", Speed.FAST),
        (Annotated[Speed | None, InSection("A")], "0.5", Speed.SLOW),
    ],
)
def test_the_string_of_a_choice_becomes_its_member(annotation: Any, sent: Any, value: Any) -> None:
    received = values_for(model(annotation), {"x": sent}).model_dump()["x"]
    assert (received, type(received)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [(Style, Style.INK, "ink"), (Style, "ink", "ink"), (Size, Size.SMALL, "1"), (Literal[1, 2], 2, "2")],
)
def test_the_default_of_a_choice_is_its_string(annotation: Any, default: Any, text: str) -> None:
    made = control(annotation, default)
    assert isinstance(made, DropDown)
    assert made.default_value == text


def test_a_choice_cannot_have_two_values_of_the_same_text() -> None:
    refused(lambda: control(Literal[1, "1"]), "Options.x: two of its values are the same as strings")


def test_a_choice_has_values_that_are_text_or_numbers() -> None:
    refused(lambda: control(Pair), "Options.x: a drop-down sends strings and numbers, and (1, 2) is neither")


def test_labels_name_values_by_member_or_by_text() -> None:
    by_member, by_text = Labels({Size.LARGE: "Large"}), Labels({"2": "Large"})
    for labels in (by_member, by_text):
        made = control(Annotated[Size, labels])
        assert made == DropDown("X", parameter_name="x", options=["1", Option("2", "Large")])


def test_labels_for_values_that_do_not_exist_are_refused() -> None:
    refused(
        lambda: control(Annotated[Style, Labels({"oli": "Oil"})]),
        "Options.x: Labels: 'oli' is none of its values. Did you mean 'oil'?",
    )
    refused(lambda: Labels("Oil"), "Labels: give a dict")  # type: ignore[arg-type]


def test_labels_keep_a_copy() -> None:
    names = {"oil": "Oil"}
    labels = Labels(names)
    names["ink"] = "Ink"
    assert labels.names == {"oil": "Oil"}


# Numbers


@pytest.mark.parametrize(
    ("bounds", "ends"),
    [
        ({"ge": 0, "le": 9}, (0, 9, 1)),
        ({"gt": 0, "lt": 9}, (1, 8, 1)),
        ({"ge": -5, "le": 5, "multiple_of": 5}, (-5, 5, 5)),
        ({"ge": 1, "le": 99, "multiple_of": 10}, (10, 90, 10)),
        ({"gt": 10, "lt": 30, "multiple_of": 5}, (15, 25, 5)),
    ],
)
def test_a_whole_number_slides_over_the_numbers_it_may_be(bounds: Any, ends: tuple[int, int, int]) -> None:
    made = control(int, Field(**bounds))
    assert made == slider(*ends)
    options = model(int, Field(**bounds))
    low, high, step = ends
    for value in range(low, high + 1, step):
        assert values_for(options, {"x": value}).model_dump() == {"x": value}
    for value in (low - step, high + step):
        with pytest.raises(ValidationError):
            values_for(options, {"x": value})


@pytest.mark.parametrize(
    ("low", "high", "default", "step"),
    [
        (0, 1, None, 0.01),
        (0, 1, 0.95, 0.01),
        (0, 1, 0.125, 0.005),
        (0, 1, 0.333, 0.001),
        (0, 2, 0.7, 0.02),
        (0, 2, 0.75, 0.01),
        (0, 3, None, 0.02),
        (-1.0, 1.0, 0.0, 0.02),
        (0.1, 0.9, 0.5, 0.005),
        (0, 1000, 7, 1),
        (1, 5, None, 0.02),
        (0, 1e-6, None, 1e-8),
        (0, 4096, None, 2),
        (0, 1, 0.1234, 0.0002),
    ],
)
def test_a_float_slides_in_round_steps_that_meet_its_default(
    low: float, high: float, default: float | None, step: float
) -> None:
    field = Field(ge=low, le=high) if default is None else Field(default, ge=low, le=high)
    assert control(float, field) == slider(low, high, step, default)


@given(st.integers(-1000, 1000), st.integers(1, 5000), st.integers(0, 3))
def test_a_slider_reaches_both_bounds_in_a_sensible_number_of_steps(low: int, span: int, digits: int) -> None:
    start, end = low / 10**digits, (low + span) / 10**digits
    made = control(float, Field(ge=start, le=end))
    assert isinstance(made, Slider)
    assert (made.min_value, made.max_value) == (start, end)
    steps = (end - start) / made.step
    assert math.isclose(steps, round(steps), rel_tol=1e-9)
    assert 100 <= round(steps) <= 10_000


def test_multiple_of_is_the_step_and_moves_the_ends_to_multiples() -> None:
    assert control(float, Field(0.5, ge=0, le=1, multiple_of=0.25)) == slider(0, 1, 0.25, 0.5)
    assert control(float, Field(ge=0.05, le=0.99, multiple_of=0.1)) == slider(0.1, 0.9, 0.1)


def test_a_default_no_round_step_meets_needs_multiple_of() -> None:
    refused(lambda: control(float, Field(1 / 3, ge=0, le=1)), "Options.x: no round step", "multiple_of=")
    refused(lambda: control(float, Field(ge=0, le=math.pi)), "Options.x: no round step", "multiple_of=")
    assert control(float, Field(ge=0, le=math.pi, multiple_of=0.5)) == slider(0, 3, 0.5)


@pytest.mark.parametrize("bounds", [{}, {"ge": 0}, {"le": 1}, {"ge": 0, "le": math.inf}])
@pytest.mark.parametrize("kind", [int, float])
def test_a_number_needs_both_bounds(kind: type, bounds: Any) -> None:
    if kind is int and bounds.get("le") == math.inf:
        bounds = {"le": 5}
    refused(
        lambda: control(kind, Field(**bounds)),
        f"Options.x: a slider needs both bounds of a{'n' * (kind is int)} {kind.__name__}: write Field(ge=..., le=...)",
    )


@pytest.mark.parametrize("bounds", [{"gt": 0, "le": 1}, {"ge": 0, "lt": 1}, {"gt": 0, "lt": 1}])
def test_a_float_needs_bounds_it_can_reach(bounds: Any) -> None:
    refused(lambda: control(float, Field(**bounds)), "Options.x: a slider includes its ends: write ge= and le=")


@pytest.mark.parametrize("default", [-1, 2, "much", True])
def test_a_default_that_is_no_value_of_the_slider_is_refused(default: Any) -> None:
    refused(lambda: control(float, Field(default, ge=0, le=1)), "Options.x: Slider 'x': default_value must be")


def test_bounds_that_leave_no_choice_are_refused() -> None:
    refused(lambda: control(float, Field(ge=1, le=1)), "Options.x: Slider 'x': min_value must be below max_value")
    refused(lambda: control(int, Field(gt=1, lt=3)), "Options.x: Slider 'x': min_value must be below max_value")


# Texts


def test_text_becomes_a_text_field() -> None:
    assert control(str) == TextField("X", parameter_name="x")
    assert control(Annotated[str, Field(max_length=9)], "a") == TextField("X", parameter_name="x", default_value="a")
    with pytest.raises(ValidationError):
        values_for(model(Annotated[str, Field(max_length=1)]), {"x": "ab"})


def test_multiline_makes_it_a_text_area() -> None:
    made = control(Annotated[str, Multiline(), Placeholder("Once upon a time")])
    assert made == TextArea("X", parameter_name="x", placeholder="Once upon a time")


def test_ratios_make_it_an_aspect_ratio_and_other_values_invalid() -> None:
    annotation = Annotated[str, Ratios("16:9", Ratio(1, 1, "square"))]
    made = control(annotation, "square")
    assert made == AspectRatio(
        "X", parameter_name="x", options=[Ratio(16, 9), Ratio(1, 1, "square")], default_value="square"
    )
    assert values_for(model(annotation), {"x": "16:9"}).model_dump() == {"x": "16:9"}
    for bad in ("1:1", 5):
        with pytest.raises(ValidationError):
            values_for(model(annotation), {"x": bad})


def test_a_ratio_may_be_optional() -> None:
    options = model(Annotated[str | None, Ratios("1:1", "2:1")], None)
    assert values_for(options, {"x": None}).model_dump() == {"x": None}
    assert values_for(options, {"x": "2:1"}).model_dump() == {"x": "2:1"}


def test_ratios_that_are_none_are_refused() -> None:
    refused(lambda: Ratios("16x9"), "'16x9' is not a ratio")
    refused(lambda: control(Annotated[str, Ratios()]), "Options.x: AspectRatio 'x': options must not be empty")
    refused(lambda: control(Annotated[str, Ratios("1:1")], "2:1"), "default_value must be one of the options")


# Names, labels, defaults


@pytest.mark.parametrize(
    ("name", "label"), [("top_p", "Top p"), ("useGPU", "UseGPU"), ("n", "N"), ("max_tokens_", "Max tokens")]
)
def test_a_label_is_the_field_name_in_words(name: str, label: str) -> None:
    options = create_model("Options", **{name: (str, ...)})  # type: ignore[call-overload]
    assert next(controls_from_model(options).walk())[1].to_wire()["label"] == label


@pytest.mark.parametrize(
    "alias", [{"alias": "xx"}, {"validation_alias": "xx"}, {"alias": "y", "validation_alias": "xx"}]
)
def test_an_alias_is_the_parameter_name(alias: Any) -> None:
    options = model(Literal[1, 2], Field(1, **alias))
    assert control(Literal[1, 2], Field(1, **alias)).to_wire()["parameter_name"] == "xx"
    assert values_for(options, {"xx": "2", "x": "1"}).model_dump() == {"x": 2}


def test_aliases_can_be_generated() -> None:
    class Options(BaseModel):
        model_config = ConfigDict(alias_generator=to_camel, validate_by_alias=False, validate_by_name=True)

        top_p: bool = False

    assert next(controls_from_model(Options).walk())[1].to_wire()["parameter_name"] == "topP"
    assert values_for(Options, {"topP": True}).top_p is True


def test_an_alias_of_several_names_is_refused() -> None:
    choices = AliasChoices("a", "b")
    refused(lambda: control(str, Field(validation_alias=choices)), "Options.x: its alias", "must be one string")


def test_an_alias_that_poe_refuses_is_refused() -> None:
    refused(lambda: control(str, Field(alias="my-x")), "Options.x: TextField 'my-x': parameter_name may have letters")


@pytest.mark.parametrize(
    "annotation", [str, bool, Literal["a"], Annotated[str, Multiline()], Annotated[str, Ratios("1:1")]]
)
def test_a_required_field_and_none_are_no_default(annotation: Any) -> None:
    assert "default_value" not in control(annotation).to_wire()
    assert "default_value" not in control(Optional[annotation], None).to_wire()  # noqa: UP045
    assert control(Optional[annotation], None) == control(annotation)  # noqa: UP045


def test_a_default_may_come_from_a_factory() -> None:
    assert control(str, Field(default_factory=lambda: "made")).to_wire()["default_value"] == "made"


def test_a_default_made_of_other_fields_is_left_to_the_model() -> None:
    options = create_model("Options", w=(str, "hi"), x=(str, Field(default_factory=lambda data: data["w"] + "!")))
    assert "default_value" not in list(controls_from_model(options).walk())[1][1].to_wire()
    assert values_for(options, {}).model_dump() == {"w": "hi", "x": "hi!"}


def test_an_optional_field_keeps_a_default_that_is_not_none() -> None:
    assert control(bool | None, True).to_wire()["default_value"] is True


# Types in all their forms


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[int, Field(ge=0, le=9)],
        Annotated[int, Field(ge=0, le=9)] | None,
        Optional[Annotated[int, Field(ge=0, le=9)]],  # noqa: UP045
        Annotated[int | None, Field(ge=0, le=9)],
        Annotated[Annotated[int, Field(ge=0)], Field(le=9)],
        TypeAliasType("Digit", Annotated[int, Field(ge=0, le=9)]),
        Annotated[int, Field(ge=-1, le=9), Field(ge=0, le=10)],
    ],
)
def test_a_type_is_seen_through_annotated_optional_and_aliases(annotation: Any) -> None:
    made = control(annotation)
    assert isinstance(made, Slider)
    assert (made.min_value, made.max_value) in {(0, 9), (0, 10)}


@pytest.mark.parametrize(
    "annotation",
    [
        dt.date,
        Decimal,
        list[str],
        dict[str, int],
        int | str,
        bytes,
        Any,
        type(None),
        BaseModel,
        Literal["a"] | int,
    ],
)
def test_any_other_type_is_refused_with_what_is_supported(annotation: Any) -> None:
    refused(lambda: control(annotation), "Options.x: no control shows ", "supported are Literal[...], an Enum, bool")


def test_a_type_that_is_defined_later_is_found() -> None:
    class Options(BaseModel):
        x: Later

    class Later(str, Enum):  # noqa: UP042
        A = "a"

    refused(lambda: controls_from_model(Options), "Options uses 'Later', which is not defined")
    Options.model_rebuild()
    assert next(controls_from_model(Options).walk())[1] == DropDown("X", parameter_name="x", options=["a"])
    assert values_for(Options, {"x": "a"}).x is Later.A


@pytest.mark.parametrize("value", [Painting(), dict, "Painting", None, RootModel[int]])
def test_what_is_no_model_is_refused(value: Any) -> None:
    refused(lambda: controls_from_model(value), "parameters must be a class of kind pydantic.BaseModel")


def test_a_model_needs_a_field() -> None:
    refused(lambda: controls_from_model(create_model("Nothing")), "Nothing has no fields")


# Markers


@pytest.mark.parametrize(
    ("annotation", "name", "shown"),
    [
        (Annotated[bool, Multiline()], "Multiline", "toggle_switch"),
        (Annotated[Style, Multiline()], "Multiline", "drop_down"),
        (Annotated[str, Labels({})], "Labels", "text_field"),
        (Annotated[bool, Placeholder("x")], "Placeholder", "toggle_switch"),
        (Annotated[str, Ratios("1:1"), Multiline()], "Multiline", "aspect_ratio"),
        (Annotated[int, Field(ge=0, le=1), Placeholder("x")], "Placeholder", "slider"),
    ],
)
def test_a_marker_that_means_nothing_is_refused(annotation: Any, name: str, shown: str) -> None:
    refused(lambda: control(annotation), f"Options.x: {name} means nothing to its control, a {shown}")


def test_a_marker_is_an_instance_and_given_once() -> None:
    refused(lambda: control(Annotated[str, Multiline]), "Options.x: write Multiline(...), with parentheses")
    twice = Annotated[Annotated[str, Placeholder("a")], Placeholder("b")]
    refused(lambda: control(twice), "Options.x: Placeholder is given twice")


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (Placeholder, "txt", "text"),
        (Labels, "name", "names"),
        (InSection, "colapsed", "collapsed"),
        (OnlyIf, "comparater", "comparator"),
    ],
)
def test_an_unknown_argument_of_a_marker_is_refused(kind: Any, wrong: str, right: str) -> None:
    refused(lambda: kind(**{wrong: 1}), f"{kind.__name__}() has no argument {wrong!r}. Did you mean {right!r}?")


def test_sections_come_in_the_order_of_their_first_field() -> None:
    class Options(BaseModel):
        a: Annotated[bool, InSection("One")]
        b: bool
        c: Annotated[bool, InSection("Two", collapsed=False)]
        d: Annotated[bool, InSection("One", collapsed=True)]
        e: bool

    sections = controls_from_model(Options).sections
    assert [(s.name, s.collapsed_by_default, len(s.controls or ())) for s in sections] == [
        ("One", True, 2),
        (None, None, 2),
        ("Two", False, 1),
    ]


def test_fields_that_disagree_about_a_section_are_refused() -> None:
    options = model(
        Annotated[bool, InSection("A", collapsed=True)], y=(Annotated[bool, InSection("A", collapsed=False)], ...)
    )
    refused(lambda: controls_from_model(options), "Options.y: InSection: another field says collapsed=True of 'A'")


@pytest.mark.parametrize(
    ("other", "only_if", "literal"),
    [
        (Style, ("eq", Style.INK), "ink"),
        (Style, ("ne", "ink"), "ink"),
        (Literal[1, 2], ("eq", 2), "2"),
        (bool, ("eq", True), True),
        (str, ("ne", ""), ""),
        (Annotated[str, Multiline()], ("eq", "x"), "x"),
        (Annotated[str, Ratios("1:1", "2:1")], ("eq", "2:1"), "2:1"),
        (Annotated[int, Field(ge=0, le=9)], ("gt", 5), 5),
    ],
)
def test_a_condition_compares_with_what_poe_has(other: Any, only_if: Any, literal: Any) -> None:
    options = model(Annotated[bool, OnlyIf("other", *only_if)], other=(other, Field(alias="elsewhere")))
    condition = next(controls_from_model(options).walk())[1]
    assert isinstance(condition, Condition)
    assert condition.to_wire()["condition"] == {
        "comparator": only_if[0],
        "left": {"parameter_name": "elsewhere"},
        "right": {"literal": literal},
    }
    assert type(condition.condition.right.to_wire()["literal"]) is type(literal)


@pytest.mark.parametrize(
    ("other", "only_if", "message"),
    [
        (Style, ("other", "eq", "inc"), "OnlyIf: 'other' is never 'inc'. Did you mean 'ink'?"),
        (bool, ("other", "eq", 1), "OnlyIf: 'other' is never 1."),
        (bool, ("other", "eq", "true"), "OnlyIf: 'other' is never 'true'."),
        (str, ("other", "eq", 1), "OnlyIf: 'other' is never 1."),
        (Annotated[str, Ratios("1:1")], ("other", "eq", "2:1"), "OnlyIf: 'other' is never '2:1'."),
        (Annotated[int, Field(ge=0, le=9)], ("other", "gt", "5"), "OnlyIf: 'other' is never '5'."),
        (Annotated[int, Field(ge=0, le=9)], ("other", "eq", True), "OnlyIf: 'other' is never True."),
        (Literal[1, 2], ("other", "gt", 1), "OnlyIf: 'gt' compares numbers, which 'other' has not."),
        (bool, ("othr", "eq", True), "OnlyIf must name another field of the model, not 'othr'. Did you mean 'other'?"),
        (bool, ("x", "eq", True), "OnlyIf must name another field of the model, not 'x'."),
    ],
)
def test_a_condition_that_never_holds_is_refused(other: Any, only_if: Any, message: str) -> None:
    options = model(Annotated[bool, OnlyIf(*only_if)], other=(other, ...))
    refused(lambda: controls_from_model(options), f"Options.x: {message}")


def test_a_condition_has_one_of_the_six_comparators() -> None:
    refused(lambda: OnlyIf("a", "==", 1), "OnlyIf: the comparator must be one of eq, ne, gt")  # type: ignore[arg-type]


def test_a_condition_on_a_field_without_a_control_tells_of_that_field() -> None:
    options = model(Annotated[bool, OnlyIf("other", "eq", 1)], other=(list[str], ...))
    refused(lambda: controls_from_model(options), "Options.other: no control shows")


# Values that come back


def test_undeclared_names_are_dropped_even_where_the_model_forbids_them() -> None:
    class Options(BaseModel):
        model_config = ConfigDict(extra="forbid")

        x: bool = False

    assert values_for(Options, {"x": True, "y": 1, "poe_z": None}).model_dump() == {"x": True}


def test_the_given_parameters_stay_as_they_are() -> None:
    parameters = {"size": "s", "other": []}
    values_for(Painting, parameters)
    assert parameters == {"size": "s", "other": []}


@pytest.mark.parametrize(
    "parameters",
    [
        {"style": "Oil paint"},
        {"style": None},
        {"copies": 9},
        {"copies": []},
        {"signed": "maybe"},
        {"title": 5},
        {"size": {}},
    ],
)
def test_bad_values_are_a_validation_error(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=re.escape(next(iter(parameters)))):
        values_for(Painting, parameters)


def test_a_missing_required_value_is_a_validation_error() -> None:
    with pytest.raises(ValidationError):
        values_for(model(str), {})


def test_a_strict_model_takes_the_strings_of_its_choices() -> None:
    class Options(BaseModel):
        model_config = ConfigDict(strict=True)

        style: Style
        size: Size
        level: Literal[1, 2]

    assert values_for(Options, {"style": "oil", "size": "2", "level": "1"}) == Options(
        style=Style.OIL, size=Size.LARGE, level=1
    )
