"""llama.cpp's server with a model that fits into 3 MB and knows a few sentences by heart: `python -m tests.chat.small_llama PORT FOLDER`.

The model is written here, weight by weight, in the file format of llama.cpp (GGUF). Its one layer adds nothing, so that
each token is decided by the one before it: a sentence is a row of tokens of which each makes the next one certain. Which
sentence it is, the chat template decides by the token that it puts at the end of a prompt. The rest is llama.cpp itself:
templates, calls of tools, thoughts, grammars, usage, limits, and the HTTP server.
"""

from __future__ import annotations

import importlib
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

NAME = "small-llama"
KEY = "key-of-the-small-llama"
CONTEXT = 2_048  # tokens that one conversation may take

# By the token that begins them. No token is in two places, or what follows it would not be certain.
SENTENCES = {
    "<|say|>": ("Hel", "lo", " from", " a", " very", " small", " model."),
    "<|obey|>": ("Aye", ", captain."),
    "<think>": ("Let", " me", " see", "</think>", "For", "ty", "-two."),
    "<|json|>": ("{", '"name"', ': "Ada"', ', "born"', ": 1815}"),
    "<|call|>": (
        "<tool_call>",
        '\n{"name": "',
        "weather_in",
        '", "arguments": ',
        '{"city"',
        ': "Pa',
        'ris"}',
        "}\n",
        "</tool_call>",
    ),
    "<|after|>": ("It", " is", " 21", " °C", " in", " Paris."),
}
TEMPLATE = """
{%- for message in messages %}
    {{- '<|' + message.role + '|>' }}
    {%- if message.reasoning_content %}{{ '<think>' + message.reasoning_content + '</think>' }}{% endif %}
    {%- if message.content %}{{ message.content }}{% endif %}
    {%- for call in message.tool_calls or [] %}
        {{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
        {{- call.function.arguments | tojson + '}\n</tool_call>' }}
    {%- endfor %}
{%- endfor %}
{%- if tools %}{{ tools | tojson }}{% endif %}
{%- if add_generation_prompt %}
    {%- if messages[-1].role == 'tool' %}<|after|>
    {%- elif tools %}<|call|>
    {%- elif 'JSON' in messages[0].content %}<|json|>
    {%- elif 'think' in messages[-1].content %}<|assistant|><think>
    {%- elif messages[0].role == 'system' %}<|obey|>
    {%- else %}<|say|>
    {%- endif %}
{%- endif %}"""

# Kinds of tokens, and types of values, as GGUF numbers them.
TEXT, UNKNOWN, CONTROL, MARK, UNUSED, BYTE = range(1, 7)
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FORMATS = {UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}
ALIGNMENT = 32

HEAD = 64  # width of an attention head
CERTAIN = 4.0  # the weight that makes a token certain
END = 2  # the token that ends an answer

Typed: TypeAlias = "tuple[int, Any]"
Tensor: TypeAlias = "tuple[tuple[int, ...], bytes]"


def write_model(path: Path) -> None:
    """Write the model, as a GGUF file of version 3."""
    vocabulary, following = _tokens()
    size = len(vocabulary)
    metadata = {**_shape(size), **_tokenizer(vocabulary)}
    tensors = _tensors(size, following)
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    head += [_string(name) + struct.pack("<I", kind) + _value(kind, value) for name, (kind, value) in metadata.items()]
    offset = 0
    for name, (dimensions, data) in tensors.items():
        assert len(data) % ALIGNMENT == 0
        head += [_string(name), struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)]
        head += [struct.pack("<IQ", 0, offset)]  # 0: of floats with 32 bits
        offset += len(data)
    start = b"".join(head)
    path.write_bytes(start + bytes(-len(start) % ALIGNMENT) + b"".join(data for _, data in tensors.values()))


def _tokens() -> tuple[list[tuple[str, int]], dict[int, int]]:
    """The tokens with their kinds, and which follows which. Text that is no token is spelt in bytes."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    following: dict[int, int] = {}
    for begin, words in SENTENCES.items():
        first = len(tokens)
        tokens.append((begin, CONTROL))
        tokens += [(word.replace(" ", "\u2581"), MARK if word[0] == "<" else TEXT) for word in words]
        following |= {token: token + 1 for token in range(first, len(tokens) - 1)}
        following[len(tokens) - 1] = END
    tokens += [(f"<|unused{number}|>", UNUSED) for number in range(-len(tokens) % HEAD)]
    return tokens, following


def _shape(size: int) -> dict[str, Typed]:
    numbers = {
        "vocab_size": size,
        "context_length": CONTEXT,
        "embedding_length": size,
        "block_count": 1,
        "feed_forward_length": HEAD,
        "attention.head_count": size // HEAD,
        "rope.dimension_count": HEAD,
    }
    return {
        "general.architecture": (STRING, "llama"),
        **{f"llama.{name}": (UINT32, value) for name, value in numbers.items()},
        "llama.attention.layer_norm_rms_epsilon": (FLOAT32, 1e-5),
    }


def _tokenizer(vocabulary: list[tuple[str, int]]) -> dict[str, Typed]:
    values: dict[str, Typed] = {
        "model": (STRING, "llama"),
        "tokens": (ARRAY, (STRING, [text for text, _ in vocabulary])),
        "scores": (ARRAY, (FLOAT32, [0.0] * len(vocabulary))),
        "token_type": (ARRAY, (INT32, [kind for _, kind in vocabulary])),
        "unknown_token_id": (UINT32, 0),
        "bos_token_id": (UINT32, 1),
        "eos_token_id": (UINT32, END),
        "add_bos_token": (BOOL, False),
        "add_space_prefix": (BOOL, False),
    }
    prefixed = {f"tokenizer.ggml.{name}": value for name, value in values.items()}
    return {**prefixed, "tokenizer.chat_template": (STRING, TEMPLATE)}


def _tensors(size: int, following: dict[int, int]) -> dict[str, Tensor]:
    """A token is embedded as itself, the layer adds nothing to it, and out comes the token that follows."""
    ones = (size,), struct.pack("<f", 1.0) * size
    return {
        "token_embd.weight": _matrix(size, size, ((token, token, 1.0) for token in range(size))),
        "output.weight": _matrix(size, size, ((after, token, CERTAIN) for token, after in following.items())),
        "output_norm.weight": ones,
        "blk.0.attn_norm.weight": ones,
        "blk.0.ffn_norm.weight": ones,
        **{f"blk.0.attn_{name}.weight": _matrix(size, size) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_gate.weight": _matrix(size, HEAD),
        "blk.0.ffn_up.weight": _matrix(size, HEAD),
        "blk.0.ffn_down.weight": _matrix(HEAD, size),
    }


def _matrix(columns: int, rows: int, entries: Iterable[tuple[int, int, float]] = ()) -> Tensor:
    """A matrix of zeros but for the entries: row, column, value."""
    data = bytearray(4 * columns * rows)
    for row, column, value in entries:
        struct.pack_into("<f", data, 4 * (row * columns + column), value)
    return (columns, rows), bytes(data)


def _value(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        of, members = value
        return struct.pack("<IQ", of, len(members)) + b"".join(_value(of, each) for each in members)
    return struct.pack(FORMATS[kind], value)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def main() -> None:
    """Serve until a signal ends the process."""
    llama: Any = importlib.import_module("xllamacpp")
    path = Path(sys.argv[2], f"{NAME}.gguf")
    write_model(path)
    parameters = llama.CommonParams()
    parameters.port = int(sys.argv[1])
    parameters.model.path = str(path)
    parameters.model_alias = {NAME}
    parameters.api_keys = [KEY]
    parameters.n_parallel = 4
    parameters.n_ctx = CONTEXT * parameters.n_parallel
    parameters.cpuparams.n_threads = 1
    parameters.n_threads_http = 32  # a connection keeps one for as long as it is kept alive
    parameters.fit_params = False
    parameters.cache_prompt = False  # or how much of a prompt is cached would depend on what was asked before
    server = llama.Server(parameters)
    signal.pause()
    del server  # which has served till now


if __name__ == "__main__":
    main()
