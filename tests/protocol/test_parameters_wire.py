from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._comparisons import Comparison, LiteralValue, ParameterValue
from poe_asgi.protocol._controls import (
    AspectRatio,
    Condition,
    Divider,
    DropDown,
    Option,
    Ratio,
    Slider,
    TextArea,
    TextField,
    ToggleSwitch,
    ValueControl,
)
from poe_asgi.protocol._parameters import ParameterControls, Section, Tab


def wire_of(*controls: Any) -> dict[str, Any]:
    return {"api_version": "2", "sections": [{"controls": list(controls)}]}


def test_nulls_count_as_not_set() -> None:
    control = {"control": "text_field", "label": "Name", "parameter_name": "name", "description": None}
    obj = {"api_version": "2", "sections": [{"name": None, "controls": [control], "tabs": None}]}
    name = TextField("Name", parameter_name="name")
    assert ParameterControls.from_wire(obj) == ParameterControls([Section(controls=[name])])


def test_a_missing_value_of_a_ratio_is_not_filled_in() -> None:
    control = {"control": "aspect_ratio", "label": "A", "parameter_name": "a", "options": [{"width": 1, "height": 2}]}
    assert ParameterControls.from_wire(wire_of(control)).to_wire() == wire_of(control)


SLIDER = {"control": "slider", "label": "A", "parameter_name": "a", "min_value": 0, "max_value": 9, "step": 1}
DIVIDER = {"control": "divider"}


def condition(left: Any = None, controls: Any = None) -> dict[str, Any]:
    comparison = {"comparator": "gt", "left": left or {"parameter_name": "a"}, "right": {"literal": 1}}
    return {"control": "condition", "condition": comparison, "controls": controls or [DIVIDER]}


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ([], "ParameterControls must be an object, not []"),
        ({"sections": []}, "api_version is missing"),
        ({"api_version": None, "sections": []}, "api_version is missing"),
        ({"api_version": "1.0", "sections": [{"controls": [DIVIDER]}]}, "api_version must be '2'"),
        ({"api_version": "2"}, "sections is missing."),
        ({"api_version": "2", "sections": []}, "sections must not be empty"),
        ({"api_version": "2", "sections": {}}, "sections must be an array, not {}"),
        ({"api_version": "2", "sections": [1]}, "sections.0 must be an object, not 1"),
        ({"api_version": "2", "sections": [{}]}, "sections.0.controls and tabs are both missing"),
        ({"api_version": "2", "sections": [], "section": 1}, "section is not a known key. Did you mean 'sections'?"),
        ({"api_version": "2", "sections": [{"tabs": [{"controls": [DIVIDER]}]}]}, "sections.0.tabs.0.name is missing"),
        ({"api_version": "2", "sections": [{"tabs": [{"name": "A"}]}]}, "sections.0.tabs.0.controls is missing"),
        (wire_of(DIVIDER, "x"), "sections.0.controls.1 must be an object, not 'x'"),
        (wire_of({}), "sections.0.controls.0.control must be one of text_field, "),
        (wire_of({"control": "number_field"}), "sections.0.controls.0.control must be one of"),
        (wire_of({"control": ["slider"]}), "sections.0.controls.0.control must be one of"),
        (wire_of({**DIVIDER, "label": "A"}), "sections.0.controls.0.label is not a known key."),
        (wire_of({**DIVIDER, "label": None}), "sections.0.controls.0.label is not a known key."),
        (
            wire_of({**SLIDER, "max_valu": 1}),
            "sections.0.controls.0.max_valu is not a known key. Did you mean 'max_value'?",
        ),
        (wire_of(DIVIDER, DIVIDER, {**SLIDER, "min_value": None}), "sections.0.controls.2.min_value is missing."),
        (wire_of({**SLIDER, "step": "1"}), "sections.0.controls.0.step must be a finite number, not '1'"),
        (wire_of({**SLIDER, "step": True}), "sections.0.controls.0.step must be a finite number, not True"),
        (wire_of({**SLIDER, "default_value": 10}), "sections.0.controls.0.default_value must be between 0 and 9"),
        (
            wire_of({"control": "drop_down", "label": "A", "parameter_name": "a", "options": ["x"]}),
            "sections.0.controls.0.options.0 must be an object, not 'x'",
        ),
        (
            wire_of({"control": "drop_down", "label": "A", "parameter_name": "a", "options": [{"value": "x"}]}),
            "sections.0.controls.0.options.0.name is missing.",
        ),
        (
            wire_of({"control": "aspect_ratio", "label": "A", "parameter_name": "a", "options": [{"width": 1}]}),
            "sections.0.controls.0.options.0.height is missing.",
        ),
        (
            wire_of(SLIDER, condition({"parameter_name": "a", "literal": 1})),
            "sections.0.controls.1.condition.left must have exactly one key",
        ),
        (wire_of(SLIDER, condition({"x": 1})), "sections.0.controls.1.condition.left must have exactly one key"),
        (
            wire_of(SLIDER, condition({"parameter_name": "b"})),
            "sections.0.controls.1.condition.left.parameter_name is 'b'",
        ),
        (wire_of(SLIDER, condition(controls=[condition()])), "sections.0.controls.1.controls.0 is"),
        (wire_of(SLIDER, condition(controls=[{**SLIDER, "default_value": 1}])), "sections.0.controls.1.controls.0.def"),
    ],
)
def test_what_poe_would_refuse_is_refused_with_its_path(obj: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(message)):
        ParameterControls.from_wire(obj)


def test_a_misspelt_control_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'slider'"):
        ParameterControls.from_wire(wire_of({**SLIDER, "control": "slidr"}))


def test_the_older_equals_is_read_as_eq() -> None:
    obj = wire_of(SLIDER, condition())
    obj["sections"][0]["controls"][1]["condition"]["comparator"] = "equals"
    assert "equals" not in json.dumps(ParameterControls.from_wire(obj).to_wire())


def test_a_control_reads_only_its_own_kind() -> None:
    assert Slider.from_wire(SLIDER).max_value == 9
    with pytest.raises(ConfigurationError, match="control must be 'slider'"):
        Slider.from_wire({**SLIDER, "control": "divider"})


def test_the_path_can_start_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match=r"^echo\.parameter_controls\.api_version is missing"):
        ParameterControls.from_wire({}, "echo.parameter_controls")


# The round trip

texts = st.text(max_size=8)
maybe_texts = st.none() | texts
NAMES = ["text", "area", "drop", "switch", "slider", "ratio"]


@st.composite
def sliders(draw: st.DrawFn) -> Slider:
    low = draw(st.integers(-100, 100))
    step = draw(st.sampled_from([1, 0.5, 0.25, 3]))
    count = draw(st.integers(1, 50))
    default = draw(st.none() | st.integers(0, count).map(lambda n: low + n * step))
    label, high = draw(texts), low + count * step
    return Slider(label, parameter_name="slider", min_value=low, max_value=high, step=step, default_value=default)


@st.composite
def drop_downs(draw: st.DrawFn) -> DropDown:
    values = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    options: list[Option | str] = [draw(st.builds(Option, st.just(v), texts) | st.just(v)) for v in values]
    default = draw(st.none() | st.sampled_from(values))
    return DropDown(draw(texts), parameter_name="drop", options=options, default_value=default)


@st.composite
def aspect_ratios(draw: st.DrawFn) -> AspectRatio:
    numbers = st.integers(1, 30) | st.sampled_from([0.5, 1.85])
    ratios = draw(
        st.lists(st.builds(Ratio, numbers, numbers, maybe_texts), min_size=1, max_size=4, unique_by=lambda r: r.choice)
    )
    default = draw(st.none() | st.sampled_from([ratio.choice for ratio in ratios]))
    return AspectRatio(draw(texts), parameter_name="ratio", options=ratios, default_value=default)


def fields(kind: type[TextField | TextArea], name: str) -> st.SearchStrategy[TextField | TextArea]:
    return st.builds(
        kind,
        texts,
        parameter_name=st.just(name),
        description=maybe_texts,
        default_value=maybe_texts,
        placeholder=maybe_texts,
    )


switches = st.builds(ToggleSwitch, texts, parameter_name=st.just("switch"), default_value=st.none() | st.booleans())


@st.composite
def parameter_controls(draw: st.DrawFn) -> ParameterControls:
    drawn = draw(
        st.tuples(
            fields(TextField, "text"), fields(TextArea, "area"), drop_downs(), switches, sliders(), aspect_ratios()
        )
    )
    valued: list[ValueControl] = list(drawn)
    plain = st.sampled_from([*valued, Divider()])
    operands = st.builds(ParameterValue, st.sampled_from(NAMES)) | st.builds(
        LiteralValue, st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    )
    comparators = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "equals"])
    conditions = st.builds(
        Condition,
        st.builds(Comparison, comparators, operands, operands),
        controls=st.lists(plain, min_size=1, max_size=3),
    )
    some = st.lists(plain | conditions, min_size=1, max_size=4)
    flags = st.none() | st.booleans()
    section = st.builds(Section, maybe_texts, controls=some, collapsed_by_default=flags) | st.builds(
        Section,
        maybe_texts,
        tabs=st.lists(st.builds(Tab, st.text(min_size=1, max_size=5), some), min_size=1, max_size=2),
        collapsed_by_default=flags,
    )
    return ParameterControls([Section(controls=valued), *draw(st.lists(section, max_size=3))])


@given(parameter_controls())
def test_what_is_written_reads_back_the_same(controls: ParameterControls) -> None:
    wire = json.loads(json.dumps(controls.to_wire()))
    assert ParameterControls.from_wire(wire) == controls
    assert ParameterControls.from_wire(wire).to_wire() == wire
