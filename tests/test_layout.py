"""The shape of the package: layers, exports, sizes, and what an import does."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import poe_asgi

ROOT = Path(poe_asgi.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# From the bottom up: each imports only what stands before it.
LAYERS = [
    "_later",
    "_version",
    "errors",
    "_clock",
    "_watch",
    "protocol",
    "client",
    "chat",
    "observe",
    "server",
    "compat",
    "openai_api",
    "local",
    "testing",
    "checker",
    "playground",
    "cli",
]
LAZY = {  # imported when `File.download` is called, and when `create_app` is asked for the second door
    ("protocol/_events.py", "client"),
    ("server/_app.py", "openai_api"),
}
PURE = {"asyncio", "time", "logging", "socket", "threading", "httpx", "starlette", "sse_starlette", "uvicorn", "anyio"}
PACKAGES = ["poe_asgi", *(f"poe_asgi.{path.parent.name}" for path in ROOT.glob("*/__init__.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path, *, run_time: bool = True) -> Iterator[tuple[int, str]]:
    """(dots, module) of every import; those for type checkers alone are left out."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if run_time and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped.update(child for each in node.body for child in ast.walk(each))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module is None:
                yield from ((node.level, alias.name) for alias in node.names)
            else:
                yield node.level, node.module


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent != ROOT or path.stem != "__init__"], ids=name_of
)
def test_a_layer_imports_only_what_stands_below_it(path: Path) -> None:
    own = LAYERS.index(layer_of(path))
    depth = len(path.relative_to(ROOT).parts) - 1
    for dots, module in imports_of(path):
        if dots == depth + 1 and (name_of(path), module) not in LAZY:
            below = module.split(".")[0]
            assert LAYERS.index(below) < own, f"{name_of(path)} imports {module}"
        assert not module.startswith("poe_asgi"), "imports inside the package are relative"


@pytest.mark.parametrize("path", sorted((ROOT / "protocol").glob("*.py")), ids=name_of)
def test_the_protocol_is_pure(path: Path) -> None:
    for dots, module in imports_of(path):
        assert dots or module.split(".")[0] not in PURE, f"{name_of(path)} imports {module}"
        assert (dots, module) != (2, "_clock")


@pytest.mark.parametrize(
    ("library", "home"), [("starlette", "server/_starlette.py"), ("sse_starlette", "server/_answer.py")]
)
def test_a_library_of_the_transport_is_imported_at_run_time_in_one_module(library: str, home: str) -> None:
    users = {name_of(path) for path in MODULES for _, module in imports_of(path) if module.split(".")[0] == library}
    assert users == {home}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_private_of_a_dependency_is_imported(path: Path) -> None:
    for dots, module in imports_of(path, run_time=False):
        if not dots and module != "__future__":
            assert not any(part.startswith("_") for part in module.split(".")), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("package", PACKAGES)
def test_exports_are_sorted_there_and_public(package: str) -> None:
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert names == sorted(set(names))
    assert all(hasattr(module, name) for name in names)
    assert not [name for name in names if name.startswith("_") and name != "__version__"]


def test_the_root_exports_what_the_design_names() -> None:
    assert set(poe_asgi.__all__) == {
        *("Answer", "AnswerError", "Bot", "ConfigurationError", "Data", "Event", "File", "InsufficientFundError"),
        *(
            "Limits",
            "Message",
            "Meta",
            "PoeChatModel",
            "PoeClient",
            "PrivacyAuthorizationError",
            "Reply",
            "USD",
            "QueryContext",
            "ReplaceResponse",
            "Settings",
        ),
        *("SuggestedReply", "Text", "UpstreamError", "UserCausedError", "UserMessageTooLongError", "__version__"),
        *("assistant", "bot_routes", "create_app", "drain", "running", "system", "user"),
    }


def test_modules_inside_packages_are_private() -> None:
    inside = [path for path in MODULES if path.parent != ROOT and path.stem != "__init__"]
    assert [name_of(path) for path in inside if not path.stem.startswith("_")] == []


@pytest.mark.parametrize("path", [path for path in MODULES if layer_of(path) != "cli"], ids=name_of)
def test_the_library_neither_prints_nor_exits(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {ast.unparse(call) for call in calls}
    assert not names & {"print", "sys.exit", "exit", "quit", "os._exit", "warnings.warn"}


def test_every_error_ends_in_error_and_has_one_root() -> None:
    from poe_asgi import errors

    classes = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
    assert all(issubclass(cls, errors.PoeASGIError) and cls.__name__.endswith("Error") for cls in classes)
    assert errors.__doc__ is not None
    assert all(cls.__name__ in errors.__doc__ for cls in classes)


WATCHED = """
import sys
def watch(event, args):
    if event.startswith(("socket.", "subprocess.", "os.system")) or (
        event == "open" and isinstance(args[0], str) and isinstance(args[2], int) and args[2] & 3
    ):
        raise SystemExit(f"{event} {args}")
sys.addaudithook(watch)
import poe_asgi
bot = poe_asgi.Bot("B")
@bot.query
async def handler(ctx):
    yield "x"
app = poe_asgi.create_app(bot)
loaded = {name.split(".")[0] for name in sys.modules}
assert not {"poe_asgi.observe", "poe_asgi.server._attended", "poe_asgi.server._rates"} & set(sys.modules)
late = {"httpx", "httpcore", "sse_starlette", "uvicorn", "click"}
assert not loaded & (late | {"fastapi", "openai", "rich", "prometheus_client", "opentelemetry", "limits", "redis"}), loaded
assert "poe_asgi.protocol._controls" not in sys.modules
"""


def test_importing_and_building_does_no_io_prints_nothing_and_loads_no_client() -> None:
    result = subprocess.run([sys.executable, "-W", "error", "-c", WATCHED], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
