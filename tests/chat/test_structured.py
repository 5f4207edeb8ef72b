"""`Shape`: what a model is asked for, and what is made of its answer."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict

from poe_asgi import ConfigurationError, UpstreamError
from poe_asgi.chat._json_in_text import MAX_CANDIDATES, MAX_SEARCHED
from poe_asgi.chat._structured import (
    MAX_PROBLEM,
    MAX_PROBLEMS,
    Misfit,
    Shape,
    refuses_response_format,
)
from poe_asgi.errors import InvalidCallError, OverloadedError, RateLimitedError, UnknownBotError


class Item(BaseModel):
    """A thing to buy."""

    name: str
    price: float = Field(description="In euros.")
    note: str | None = None


class Node(BaseModel):
    label: str
    children: list[Node]


class Point(TypedDict):
    x: int
    y: int


@dataclass
class Pair:
    left: int
    right: Item


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


ITEM = Shape(Item)
TEA = Item(name="tea", price=2.5)


def misfit(shape: Shape[Any], text: str) -> str:
    with pytest.raises(Misfit) as caught:
        shape.read(text)
    return caught.value.problem


# What is asked for


def test_a_model_is_asked_for_by_its_schema_in_the_strict_form() -> None:
    assert ITEM.response_format() == {
        "type": "json_schema",
        "json_schema": {
            "name": "Item",
            "strict": True,
            "schema": {
                "type": "object",
                "title": "Item",
                "description": "A thing to buy.",
                "properties": {
                    "name": {"type": "string"},
                    "price": {"type": "number", "description": "In euros."},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["name", "price", "note"],
                "additionalProperties": False,
            },
        },
    }


def test_the_strict_form_leaves_the_schema_alone() -> None:
    assert ITEM.schema["required"] == ["name", "price"]
    assert ITEM.schema["properties"]["note"]["default"] is None
    assert "additionalProperties" not in ITEM.schema


def strict_of(into: Any) -> dict[str, Any] | None:
    """The schema that is sent, where it is sent as strict."""
    form = Shape(into).response_format()
    assert form is not None
    schema: dict[str, Any] = form["json_schema"]["schema"]
    if "strict" in form["json_schema"]:
        assert form["json_schema"]["strict"] is True
        return schema
    assert schema == Shape(into).schema
    return None


def test_objects_within_are_closed_as_well() -> None:
    schema = strict_of(Pair)
    assert schema is not None
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Item"]["required"] == ["name", "price", "note"]
    assert schema["$defs"]["Item"]["additionalProperties"] is False


def test_a_type_that_holds_itself_has_an_object_at_the_top() -> None:
    schema = strict_of(Node)
    assert schema is not None
    assert schema["type"] == "object"
    assert "$ref" not in schema
    assert schema["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    assert schema["$defs"]["Node"]["required"] == ["label", "children"]
    assert Shape(Node).read('{"label": "a", "children": [{"label": "b", "children": []}]}').children[0].label == "b"


def test_a_reference_stands_alone_in_the_strict_form() -> None:
    class Basket(BaseModel):
        item: Item = Field(description="The only one.")

    schema = strict_of(Basket)
    assert schema is not None
    assert schema["properties"]["item"] == {"$ref": "#/$defs/Item"}
    assert Shape(Basket).schema["properties"]["item"]["description"] == "The only one."


def test_a_choice_between_models_is_strict() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    class Owner(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]

    schema = strict_of(Owner)
    assert schema is not None
    assert schema["properties"]["pet"] == {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}


def test_a_schema_that_the_strict_form_would_change_is_sent_as_it_is() -> None:
    class Defaulted(BaseModel):
        count: int = 3

    class Made(BaseModel):
        names: list[str] = Field(default_factory=list)

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Mapped(BaseModel):
        counts: dict[str, int]

    class Untyped(BaseModel):
        anything: Any

    class Listed(BaseModel):
        things: list[Any]

    class Short(BaseModel):
        code: str = Field(max_length=3)

    class Linked(BaseModel):
        url: AnyUrl

    class Tupled(BaseModel):
        pair: tuple[int, str]

    class Partial(TypedDict, total=False):
        x: int | None

    class Mistaken(BaseModel):
        x: int = None  # type: ignore[assignment]

    class Deep(BaseModel):
        inner: Defaulted

    for into in (Defaulted, Made, Open, Mapped, Untyped, Listed, Short, Linked, Tupled, Partial, Mistaken, Deep):
        assert strict_of(into) is None, into
    assert strict_of(dict[str, int]) is None


@pytest.mark.parametrize("into", [list[Item], Literal["a", "b"], int, Item | Pair, Item | None, tuple[int, str], Mood])
def test_what_is_no_object_has_no_response_format(into: Any) -> None:
    assert Shape(into).response_format() is None


def test_the_name_of_a_format_is_one_that_the_api_takes() -> None:
    def sent(into: Any) -> str:
        form = Shape(into).response_format()
        assert form is not None
        name: str = form["json_schema"]["name"]
        return name

    assert sent(dict[str, int]) == "dict_str_int"
    assert sent(type("Ä", (BaseModel,), {})) == "answer"
    assert sent(type("N" * 100, (BaseModel,), {})) == "N" * 64


def test_the_instructions_hold_the_whole_schema() -> None:
    text = Shape(list[Item]).instructions()
    assert json.loads(text[text.index("{") :]) == Shape(list[Item]).schema
    assert "In euros." in text


@pytest.mark.parametrize("into", [Item(name="a", price=1), "Item", {"type": "object"}, 5, print, lambda x: x, object()])
def test_what_is_no_type_is_refused(into: Any) -> None:
    with pytest.raises(ConfigurationError, match="Give a pydantic model class"):
        Shape(into)


def test_a_type_that_pydantic_does_not_know_is_refused_with_its_reason() -> None:
    class Unknown:
        pass

    class Undefined(BaseModel):
        x: Missing  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(ConfigurationError, match=r"into Unknown: Unable to generate .*Give a pydantic model class"):
        Shape(Unknown)
    with pytest.raises(ConfigurationError, match=r"into Undefined: .*not fully defined"):
        Shape(Undefined)


def test_a_default_that_json_cannot_hold_is_no_warning() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        limit: int = object()  # type: ignore[assignment]

    assert Shape(Odd).read('{"limit": 5}').limit == 5


# What is read


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "tea", "price": 2.5}',
        ' \n{"name":"tea","price":2.5}\n',
        '\ufeff{"name":"tea","price":2.5}',
        "\u00a0\u200b" + '{"name":"tea","price":2.5}',
        '{"name":"tea","price":"2.5"}',
        '{"name":"tea","price":2.5,"unknown":[1]}',
        '```json\n{"name":"tea","price":2.5}\n```',
        '```\n{"name":"tea","price":2.5}\n```',
        '```JSON\r\n{"name":"tea","price":2.5}\r\n```',
        '```{"name":"tea","price":2.5}```',
        '```json {"name":"tea","price":2.5}```',
        'Here:\n\n```json\n{"name":"tea","price":2.5}\n```\n\nEnjoy {it}!',
        'Here:\n```json\n{"name":"tea","price":2.5}',
        'Of course: {"name":"tea","price":2.5}. Anything else?',
        'See [1] and [this](https://example.com): {"name":"tea","price":2.5}',
        'Smile :[ and { take: {"name":"tea","price":2.5} :]',
        'It\'s 5" wide, so "{"name":"tea","price":2.5}"',
        'First {"name":"tea"}, better {"name":"tea","price":2.5}, not {"name":"milk","price":1}',
        '{"name":"tea","price":2.5}}',
        '{"name":"tea","price":2.5},',
        '{"name":"tea","price":2.5}\n{"name":"milk","pri',
        "<think>{no}</think>\n" + '{"name":"tea","price":2.5}',
        '<think>maybe {"name":"milk","price":1}</think>{"name":"tea","price":2.5}',
        '<thinking>a</thinking> <think>{"name":"milk","price":1}</think> Sure: {"name":"tea","price":2.5}',
        'maybe {"name":"milk","price":1}\n</think>{"name":"tea","price":2.5}',
        'maybe {"name":"milk","price":1}</think>\n{"name":"tea","price":2.5}',
        '{"name":"tea","price":2.5,}',
        '{"name":"tea", // the name\n "price":2.5, # the price\n /* that is\n all */ }',
        "{'name': 'tea', 'price': 2.5, 'note': None}",
        "Sure: {'name': 'tea', 'price': 2.5, 'note': None, 'a': True, 'b': [False,],}",
        '{"name": "\\x74ea", "price": 2.5}',
        '{"name": "te\\\na", "price": 2.5}',
    ],
)
def test_the_value_is_found_in_an_answer(answer: str) -> None:
    assert ITEM.read(answer) == TEA


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"} ] {{ [ \" \\"', '} ] {{ [ " \\'),
        (r'"```json\n{}\n```"', "```json\n{}\n```"),
        ('"```\n{}\n```"', "```\n{}\n```"),
        ('"<think>x</think>"', "<think>x</think>"),
        ('"# no, // none /* at all */ ,}"', "# no, // none /* at all */ ,}"),
        ('"it\'s None, True"', "it's None, True"),
        (r"'it\'s \"quoted\" and \\ \n'", 'it\'s "quoted" and \\ \n'),
        ("'\"quoted\"'", '"quoted"'),
        ('"two\nlines\tand a tab"', "two\nlines\tand a tab"),
        (r'"\(x\) \d C:\Users"', r"\(x\) \d C:\Users"),
        (r'"\u00e9 \ud83d\ude00"', "é 😀"),
        (r'"\ud83d!"', "\ufffd!"),
        ('"\ud83d!"', "\ufffd!"),
        (r'"http:\/\/example.com"', "http://example.com"),
        ('"\u2028"', "\u2028"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```", "{},\n// more"])
def test_a_string_keeps_what_stands_in_it(written: str, meant: str, form: str) -> None:
    answer = form.replace("{}", '{"price": 1, "name": ' + written + "}", 1)
    assert ITEM.read(answer).name == meant


def test_nan_and_infinities_are_numbers() -> None:
    assert str(ITEM.read('{"name":"a","price":NaN}').price) == "nan"
    assert ITEM.read('{"name":"a","price":-Infinity}').price == float("-inf")


def test_types_of_all_kinds_are_read() -> None:
    assert Shape(list[Item]).read('Sure: [{"name":"tea","price":2.5}]') == [TEA]
    assert Shape(Point).read('{"x": 1, "y": "2"}') == {"x": 1, "y": 2}
    assert Shape(Pair).read('{"left": 1, "right": {"name":"tea","price":2.5}}') == Pair(1, TEA)
    assert Shape(dict[int, date]).read('{"1": "2026-01-31"}') == {1: date(2026, 1, 31)}
    assert Shape(set[int]).read("[1, 1, 2]") == {1, 2}
    assert Shape(Decimal).read('"0.10000000000000000000000001"') == Decimal("0.10000000000000000000000001")

    class Both(NamedTuple):
        a: int
        b: str

    assert Shape(Both).read('[1, "x"]') == Both(1, "x")


@pytest.mark.parametrize(
    "answer",
    ["good", '"good"', "'good'", " good\n", "```\ngood\n```", '```json\n"good"\n```', "<think>bad?</think>\ngood"],
)
def test_a_plain_value_needs_no_quotes(answer: str) -> None:
    assert Shape(Mood).read(answer) is Mood.GOOD
    literal: Shape[str] = Shape(Literal["good", "bad"])  # type: ignore[arg-type]
    assert literal.read(answer) == "good"
    assert Shape(str).read(answer) == "good" or "```" in answer


def test_a_text_is_taken_as_it_is_without_its_reasoning() -> None:
    assert Shape(str).read("<think>5?</think> It is {5}.") == "It is {5}."
    assert Shape(str).read("5") == "5"
    assert Shape(int).read("5") == 5
    optional: Shape[int | None] = Shape(int | None)  # type: ignore[arg-type]
    assert optional.read("null") is None
    assert optional.read("None") is None


def test_the_models_own_strictness_holds() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        count: int
        day: date

    assert Shape(Strict).read('{"count": 1, "day": "2026-01-31"}').count == 1
    assert misfit(Shape(Strict), '{"count": "1", "day": "2026-01-31"}').endswith(
        "count: Input should be a valid integer"
    )


def test_aliases_are_the_names_in_schema_and_answer() -> None:
    class Aliased(BaseModel):
        count: int = Field(alias="theCount")

    shape = Shape(Aliased)
    assert list(shape.schema["properties"]) == ["theCount"]
    assert shape.read('{"theCount": 1}').count == 1


# What does not fit


@pytest.mark.parametrize(
    "answer", ["", " ", "Sorry, no.", "A [link](x) {name}", "<think>{}</think>", "```\n```", "<think>"]
)
def test_an_answer_without_json_is_told_so(answer: str) -> None:
    assert misfit(ITEM, answer) == "There is no JSON in the answer"


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "te',
        '{"name": "tea", "price": 2.5',
        '```json\n{"name": "tea", "price": 2.5, "note": "a {',
        'Sure: {"name": ["tea"',
        'Sure: {"other": {"name": "tea", "price": 2.5}, "name": "milk"',
        "{",
        "{\n",
        "{'name': 'te",
        "<think>x</think>[",
    ],
)
def test_an_answer_that_ends_within_json_is_told_so_and_no_part_of_it_taken(answer: str) -> None:
    assert "is cut off" in misfit(ITEM, answer)


def test_what_does_not_fit_is_told_by_place_and_reason_and_without_the_values() -> None:
    shape = Shape(list[Item])
    problem = misfit(shape, '[{"name": "secret", "price": "secret"}, {"price": 1}]')
    assert problem.splitlines() == [
        "The JSON does not fit the schema:",
        "- 0.price: Input should be a valid number, unable to parse string as a number",
        "- 1.name: Field required",
    ]
    complaint = shape.complaint(Misfit(problem))
    assert problem in complaint
    assert "secret" not in complaint
    assert "Answer again" in complaint


def test_a_validators_reason_is_told() -> None:
    class Even(BaseModel):
        count: int

        @field_validator("count")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("must be even")
            return value

    assert misfit(Shape(Even), '{"count": 3}').endswith("- count: Value error, must be even")


def test_the_complaint_is_bounded() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        choice: Mood

    many = json.dumps({"k" * 10_000 + str(number): 1 for number in range(50)})
    problem = misfit(Shape(Closed), many)
    assert problem.endswith(f"- and {51 - MAX_PROBLEMS} more")
    assert len(Shape(Closed).complaint(Misfit(problem))) < (MAX_PROBLEMS + 1) * 2 * MAX_PROBLEM


def test_the_longest_json_is_the_one_that_is_complained_about() -> None:
    problem = misfit(ITEM, 'As in [1], {"name": "tea", "price": "dear"} and {}.')
    assert problem.endswith("- price: Input should be a valid number, unable to parse string as a number")


def test_json_that_is_broken_is_told_with_its_place() -> None:
    problem = misfit(ITEM, '{"price": 1,\n "name" "tea"}')
    assert problem.startswith("The JSON is not valid: expected `:` at line 2 column")
    assert "tea" not in problem
    assert "not valid: expected `,` or `}`" in misfit(ITEM, 'Well: {"price": 1 "name": "tea"} and more')


def test_a_plain_value_that_is_none_of_the_choices_is_told_them() -> None:
    assert misfit(Shape(Mood), "so so").endswith("- Input should be 'good' or 'bad'")


N = 100_000
HOSTILE = {
    "open arrays": "[" * N,
    "open objects": '{"a":' * N,
    "nested": "[" * N + "]" * N,
    "pairs": "{}" * N,
    "objects": '{"a": 1},' * N,
    "quotes": '{"' + '"' * N,
    "escaped quotes": '{"' + '\\"' * N,
    "escaped single quotes": "{'" + "\\'" * N,
    "mixed quotes": "{'" + "\"'" * N,
    "backslashes": '{"' + "\\" * N,
    "escapes": '{"a": "' + "\\u" * N + '"}',
    "control characters": '{"' + "\x01" * N + '"}',
    "fences": "```" * N,
    "fence lines": "```\n" * N,
    "comments": '{"a"/*' * N,
    "line comments": "{'a'//\\\n" * N,
    "spaces": "{" + " " * N + "x",
    "commas": '{"a":' + ",  " * N,
    "tags": "<think>" * N,
    "closed tags": "<think></think>" * N,
    "digits": "9" * N,
    "a long number": '{"name": "a", "price": ' + "9" * N + ", }",
    "unfinished strings": '[1,"a\n' * N,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_is_read_in_time_that_grows_with_its_length(text: str) -> None:
    # A search that is quadratic takes minutes. The clock counts only this process, and is held to the order of size.
    start = time.process_time()
    misfit(Shape(Point), text)
    assert time.process_time() - start < 10


def test_nesting_is_no_matter_of_the_stack() -> None:
    limit = sys.getrecursionlimit()
    assert "is cut off" in misfit(ITEM, "[" * (limit * 100))
    assert "recursion limit" in misfit(ITEM, "[" * (limit * 100) + "]" * (limit * 100))


def test_a_huge_answer_is_taken_only_as_it_is() -> None:
    huge = json.dumps({"name": "x" * MAX_SEARCHED, "price": 1})
    assert len(ITEM.read(huge).name) == MAX_SEARCHED
    assert misfit(ITEM, f"Sure: {huge}") == "There is no JSON in the answer"


def test_no_more_than_so_many_pieces_are_tried() -> None:
    last = '{"name":"tea","price":2.5}'
    assert ITEM.read("{} " * (MAX_CANDIDATES - 1) + last) == TEA
    assert "name: Field required" in misfit(ITEM, "{} " * MAX_CANDIDATES + last)


# Models that refuse


BODY = '{"error": {"message": "Nope.", "type": "invalid_request_error", "param": "model", "code": "%s"}}'


@pytest.mark.parametrize(
    "error",
    [
        InvalidCallError("No.", status=400, body=BODY % "unsupported_feature_for_model"),
        InvalidCallError("No.", status=400, error_type="unsupported_feature_for_model"),
        InvalidCallError("No: response_format is not supported by this model.", status=400),
        InvalidCallError("No: 'response_format.type' must be text.", status=422),
        InvalidCallError("No.", status=400, body='{"error": "json_schema not supported"}'),
        InvalidCallError("No: this model does not support structured outputs.", status=400),
        InvalidCallError("No: Invalid schema for response_format 'Item'.", status=400),
        InvalidCallError("No: JSON mode is not enabled for this model."),
        OverloadedError("No: response_schema is not available.", status=500),
    ],
)
def test_an_error_that_names_the_format_refuses_it(error: UpstreamError) -> None:
    assert refuses_response_format(error)


@pytest.mark.parametrize(
    "error",
    [
        InvalidCallError("No: temperature must be at most 2.", status=400, body=BODY % "invalid_parameter"),
        InvalidCallError("No.", status=400),
        InvalidCallError("No.", status=413, body="response_format"),
        UnknownBotError("No.", status=404, body="response_format"),
        RateLimitedError("No: response_format.", status=429),
        OverloadedError("No.", status=503, body="response_format"),
        UpstreamError("No."),
    ],
)
def test_any_other_error_does_not(error: UpstreamError) -> None:
    assert not refuses_response_format(error)
