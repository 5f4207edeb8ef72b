"""Structured output: what the model is asked for, and reading what it answers.

On Poe `response_format` may work, be ignored or be refused (D-39). So the schema stands in the prompt as well, and
every answer is searched for JSON and validated here; what does not fit is told to the model.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from ..errors import ConfigurationError, UpstreamError
from ._json_in_text import bare_texts, is_cut, json_texts
from ._strict_schema import strict_schema

T = TypeVar("T")

MAX_PROBLEMS = 10
MAX_PROBLEM = 300  # characters of each

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_FORMAT = re.compile(
    r"unsupported_feature_for_model|response[_ ]?(?:format|schema)|json[_ -]?(?:schema|mode)|structured[_ -]?output",
    re.IGNORECASE,
)


class Misfit(Exception):  # noqa: N818 - an outcome that is always handled; no user sees it
    """An answer that does not fit. ``problem`` is one or more sentences without their last full stop, for the model."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class _Schema(GenerateJsonSchema):
    """Without titles of members, which tell a model nothing, and silent about defaults that JSON cannot hold."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


class Shape(Generic[T]):
    """What an answer is to be: a pydantic model class, or any type that pydantic validates and has a JSON schema for.

    ``schema`` is the JSON schema, ``name`` what the type is called. Raises ConfigurationError for anything else.
    """

    def __init__(self, into: type[T]) -> None:
        self.name: str = into.__name__ if inspect.isclass(into) else repr(into)[:80]
        if isinstance(into, (str, Mapping)) or inspect.isroutine(into):
            raise _no_shape(self.name, "it is no type")
        try:
            self._adapter: TypeAdapter[T] = TypeAdapter(into)
            schema = self._adapter.json_schema(schema_generator=_Schema)
        except (PydanticUserError, NameError, TypeError) as exc:
            raise _no_shape(self.name, str(exc).partition("\n")[0]) from None
        reference = schema.pop("$ref", None)  # a type that holds itself stands among the definitions
        if reference is not None:
            schema = {**schema["$defs"][reference.removeprefix("#/$defs/")], **schema}
        self.schema: dict[str, Any] = schema
        self._strict = strict_schema(schema) if schema.get("type") == "object" else None

    def response_format(self) -> dict[str, Any] | None:
        """The member `response_format` of a request; None where the schema is not of an object, which the API wants.

        ``strict`` is set where it changes nothing but how an absent value is written: as null (`strict_schema`).
        Elsewhere a provider would refuse the schema as it is, and a stricter one would make the model invent values in
        place of defaults. So there the schema goes without ``strict``, and the answer is checked here anyway.
        """
        if self.schema.get("type") != "object":
            return None
        strict = {"strict": True} if self._strict is not None else {}
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")[:64] or "answer"
        return {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": self._strict or self.schema, **strict},
        }

    def instructions(self) -> str:
        """What a system message says to get such an answer."""
        return (
            "Answer with JSON that fits the JSON schema below, and with nothing else: no explanation before or after "
            f"it, no code fence.\n\n{json.dumps(self.schema, ensure_ascii=False)}"
        )

    def read(self, text: str) -> T:
        """The value in an answer. Of several pieces of JSON the first that fits counts.

        Raises Misfit, which tells what is wrong with the longest piece. Exceptions of a model's own validators that
        pydantic does not catch are raised as they are.
        """
        text = _LONE_SURROGATE.sub("\ufffd", text)
        closest: tuple[bool, int, str] = (False, 0, "")
        for candidate in json_texts(text):
            try:
                return self._adapter.validate_json(candidate)
            except ValidationError as exc:
                is_json, problem = _problems(exc)
                if is_json or candidate[:1] in {"{", "["}:
                    closest = max(closest, (is_json, len(candidate), problem), key=lambda each: each[:2])
        if _is_scalar(self.schema):  # many a model leaves out the quotes
            for bare in bare_texts(text):
                try:
                    return self._adapter.validate_json(json.dumps(bare))
                except ValidationError as exc:
                    closest = max(closest, (False, 1, _problems(exc)[1]), key=lambda each: each[:2])
        elif is_cut(text):
            raise Misfit("The JSON is cut off: it ends before its last bracket is closed")
        raise Misfit(closest[2] or "There is no JSON in the answer")

    def complaint(self, misfit: Misfit) -> str:
        """What a user message says to the model after such an answer."""
        return (
            f"Your answer cannot be used. {misfit.problem}.\n\n"
            "Answer again with the whole corrected JSON that fits the schema, and with nothing else."
        )


def refuses_response_format(error: UpstreamError) -> bool:
    """Whether an error means that the model, or its provider, does not take the `response_format` that was sent.

    It is a 400 that names the feature; providers also answer 422, Poe 500 for what its provider refuses (D-38), and
    inside a stream there is no status. A wrong guess costs one request without it.
    """
    if error.status not in {None, 400, 422, 500}:
        return False
    return _NO_FORMAT.search(f"{error} {error.error_type} {error.body}") is not None


def _no_shape(shown: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"An answer cannot be read into {shown}: {reason.rstrip('.')}. Give a pydantic model class, a dataclass, a "
        "TypedDict, or a type made of these such as list[Item]."
    )


def _is_scalar(schema: dict[str, Any]) -> bool:
    choices = schema.get("anyOf", [schema])
    return all(
        each.get("type") in {"string", "number", "integer", "boolean", "null"} or "enum" in each for each in choices
    )


def _problems(exc: ValidationError) -> tuple[bool, str]:
    """Whether the text is JSON at all, and what is wrong, without repeating what it says."""
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return False, f"The JSON is not valid: {errors[0]['msg'].removeprefix('Invalid JSON: ')}"
    lines = []
    for each in errors[:MAX_PROBLEMS]:
        where = ".".join(map(str, each["loc"]))
        lines.append(
            f"- {where[:MAX_PROBLEM]}: {each['msg'][:MAX_PROBLEM]}" if where else f"- {each['msg'][:MAX_PROBLEM]}"
        )
    if len(errors) > MAX_PROBLEMS:
        lines.append(f"- and {len(errors) - MAX_PROBLEMS} more")
    return True, "The JSON does not fit the schema:\n" + "\n".join(lines)
