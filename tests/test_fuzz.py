"""The short form of `make fuzz`: every target on what was written for it, on what was found, and on changes of both."""

from __future__ import annotations

import importlib
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fuzz
from fuzz._mutate import bytes_changed, mutator

FOUND = Path(fuzz.__file__).parent / "found"
CHANGES = 150  # of each target; a few seconds in all


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def target(name: str) -> Any:
    return importlib.import_module(f"fuzz.{name}")


def former_findings(name: str) -> list[Path]:
    return sorted((FOUND / name).glob("*"))


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_the_inputs_that_were_written_keep_the_property(name: str) -> None:
    module = target(name)
    assert "Property:" in module.__doc__
    for seed in [b"", *module.SEEDS]:
        module.check(seed)


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name in fuzz.TARGETS for path in former_findings(name)], ids=str
)
def test_what_was_found_once_is_not_found_again(name: str, path: Path) -> None:
    target(name).check(path.read_bytes())


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_changed_inputs_keep_the_property(name: str) -> None:
    module = target(name)
    after = getattr(module, "JSON_AFTER", None)
    chance = random.Random(name)
    for number in range(CHANGES):
        seed = chance.choice(module.SEEDS)[:2000]
        data = bytes_changed(seed, chance) if after is None else mutator(after)(seed, 4096, number)
        try:
            module.check(data)
        except BaseException as exc:
            exc.add_note(f"the input: {data!r}")
            raise


def test_a_target_is_known_by_its_name() -> None:
    modules = {path.stem for path in Path(fuzz.__file__).parent.glob("*.py") if not path.stem.startswith("_")}
    assert modules == set(fuzz.TARGETS)
    assert {path.name for path in FOUND.iterdir()} <= modules
