"""The rules of an answer's event stream. `_rules` puts them into the one list."""

from __future__ import annotations

from ._rule import about

ALL = (
    *about(
        "Order",
        (
            "meta-first",
            "error",
            "The first event is `meta`.",
            "spec",
            'Send `event: meta` with `{"content_type": "text/markdown"}` as soon as the query is there.',
        ),
        ("meta-once", "error", "`meta` is sent once.", "spec", "Send no second `meta`."),
        ("error-ends", "error", "After `error` only `done` follows.", "spec", "Send `done` after `error`, and stop."),
        ("done-last", "error", "Nothing follows `done`.", "spec", "End the response after the first `done`."),
        (
            "done-missing",
            "error",
            "The stream ends with `done`.",
            "spec",
            "Send `event: done` with `{}` on every path, also after an exception.",
        ),
        (
            "content-required",
            "error",
            "An answer has at least one `text` or `error`.",
            "spec",
            'An answer of files or buttons alone takes a `text` of `""` before `done`.',
        ),
    ),
    *about(
        "Framing and fields",
        (
            "sse-framing",
            "error",
            "The body is UTF-8 server-sent events; the last event is complete.",
            "sse",
            "Write each event as `event: TYPE`, one line `data: JSON`, and an empty line, in UTF-8.",
        ),
        (
            "data-json",
            "error",
            "The data of every event is a JSON object.",
            "spec",
            "Write the data with a JSON encoder, as an object; that of `done` is `{}`.",
        ),
        (
            "event-fields",
            "error",
            "An event has its fields, each of its type.",
            "spec",
            "Compare the event with the table of events: which fields it needs, and of which type.",
        ),
        (
            "event-known",
            "warning",
            "The event type is one the protocol knows.",
            "spec",
            "Poe ignores unknown events: correct the name, or leave the event out.",
        ),
        (
            "event-json",
            "warning",
            "A server bot sends no `json` events; they are Poe's own.",
            "spec",
            "Do not forward `json` events of bots that you call.",
        ),
        (
            "meta-content-type",
            "warning",
            "`content_type` is `text/markdown` or `text/plain`.",
            "spec",
            "Poe shows anything else as plain text: choose one of the two.",
        ),
    ),
    *about(
        "Limits",
        (
            "time-to-first",
            "error",
            "The first event arrives within 5 seconds.",
            "spec",
            "Send `meta` at once, before any work; make sure that nothing on the way buffers it.",
        ),
        (
            "time-limit",
            "error",
            "The answer ends within the total time.",
            "spec",
            "Stop in time, with `error` and `done`.",
        ),
        (
            "text-limit",
            "error",
            "The text the user would see stays within the character limit.",
            "spec",
            "Count characters while you send, and end the answer in time.",
        ),
        (
            "text-sum",
            "warning",
            "The text of all events together stays within the character limit.",
            "spec",
            "Send `replace_response` less often: it repeats text that counts.",
        ),
        (
            "event-limit",
            "error",
            "The answer stays within the event limit.",
            "spec",
            "Join small pieces of text into larger `text` events.",
        ),
        ("file-limit", "error", "The answer stays within the file limit.", "guide", "Attach fewer files."),
    ),
    *about(
        "Advice",
        (
            "inline-ref-order",
            "warning",
            "A file comes before the text that shows it inline.",
            "spec",
            "Send the `file` event first, then the text with its `inline_ref`.",
        ),
        (
            "suggested-replies",
            "warning",
            "At most 3 suggested replies.",
            "guide",
            "Send the best 3; Poe shows a few only.",
        ),
        (
            "data-once",
            "warning",
            "At most one `data` event; the last one wins.",
            "guide",
            "Collect what is to be stored, and send it once, at the end.",
        ),
    ),
)
