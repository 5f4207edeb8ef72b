"""``python -m fuzz TARGET [--runs N] [--seed N]``: look for inputs that break the property of a target.

An input that does is written to ``fuzz/found/TARGET``, and the exit code is not 0. The corpus that grows meanwhile is
kept outside of the repository, in ``FUZZ_CORPUS`` or a folder for temporary files.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

from . import TARGETS
from ._mutate import mutator

HERE = Path(__file__).parent
LONGEST = 512  # bytes of an input; what is longer stands among the seeds, for the tests


def main() -> None:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with atheris.instrument_imports(include=["poe_asgi", "fuzz", "markdown_it"]):
        target = importlib.import_module(f"fuzz.{arguments.target}")
    corpus = Path(os.environ.get("FUZZ_CORPUS", tempfile.gettempdir())) / f"poe-asgi-fuzz-{arguments.target}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    found = HERE / "found" / arguments.target
    found.mkdir(parents=True, exist_ok=True)
    options = [
        f"-runs={arguments.runs}",
        f"-seed={arguments.seed}",
        f"-max_len={LONGEST}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=1",
        f"-artifact_prefix={found}/",
    ]
    prefix = getattr(target, "JSON_AFTER", None)
    more = {} if prefix is None else {"custom_mutator": mutator(prefix)}
    logging.disable(logging.CRITICAL)
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.check, **more)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
