"""The rules of streams over HTTP, of settings, and of public URLs. `_rules` puts them into the one list."""

from __future__ import annotations

from ._rule import about

ALL = (
    *about(
        "Stream over HTTP",
        (
            "stream-cache",
            "warning",
            "Nothing on the way caches the stream.",
            "practice",
            "Send `Cache-Control: no-store` or `no-cache` with it.",
        ),
        (
            "stream-buffered",
            "warning",
            "The stream is sent while it is made.",
            "practice",
            "Send no `Content-Length`, flush after every event, and turn off buffering in frameworks and proxies.",
        ),
        (
            "stream-compressed",
            "warning",
            "The stream is not compressed.",
            "practice",
            "Compression holds events back: exclude `text/event-stream` from it.",
        ),
        (
            "stream-proxied",
            "warning",
            "A proxy is told not to buffer the stream.",
            "practice",
            "Send `X-Accel-Buffering: no` with the stream.",
        ),
        (
            "stream-silent",
            "warning",
            "The stream is never silent for long.",
            "practice",
            "Send a comment line, `: ping`, every 15 seconds: proxies cut silent connections.",
        ),
        (
            "stream-open",
            "warning",
            "The response ends after `done`.",
            "spec",
            "End the response; do further work in the background.",
        ),
        (
            "disconnect-survived",
            "error",
            "After a client has left in mid-answer, the next query is answered.",
            "practice",
            "Release locks and connections in a `finally` or its like.",
        ),
        (
            "disconnect-noticed",
            "warning",
            "When the client leaves, the bot stops soon.",
            "practice",
            "Watch for the disconnect, and cancel what the answer waits for: it costs you.",
        ),
    ),
    *about(
        "Settings",
        (
            "settings-status",
            "error",
            "A settings request is answered 200.",
            "spec",
            "Answer 200 with the settings; with another status Poe keeps the old ones.",
        ),
        (
            "settings-supported",
            "warning",
            "The bot knows settings requests.",
            "spec",
            'It answers 501, and Poe uses defaults: answer at least `{"response_version": 2}`.',
        ),
        ("settings-json", "error", "The settings are a JSON object.", "spec", "Answer with a JSON object in UTF-8."),
        (
            "settings-content-type",
            "warning",
            "Settings have the content type `application/json`.",
            "spec",
            "Set `Content-Type: application/json`.",
        ),
        (
            "settings-fields",
            "error",
            "The values of settings have the types and ranges that Poe documents.",
            "spec",
            "Correct the value; leave a field out that you do not set.",
        ),
        (
            "settings-unknown",
            "warning",
            "Settings have no keys that Poe does not know.",
            "spec",
            "Correct the name, or remove the key: Poe ignores it without a word.",
        ),
        (
            "settings-version",
            "warning",
            "Settings state `response_version`.",
            "spec",
            "Send `response_version` 2: without one the oldest defaults apply, with attachments off.",
        ),
        (
            "settings-deprecated",
            "warning",
            "Settings have no deprecated keys.",
            "guide",
            "Remove the key, or use what replaces it.",
        ),
    ),
    *about(
        "Parameter controls",
        (
            "controls-version",
            "error",
            "Parameter controls come with `response_version` 2.",
            "seen",
            "Send `response_version` 2: with less Poe drops the controls without a word.",
        ),
        (
            "controls-valid",
            "error",
            "Parameter controls have the form that Poe documents.",
            "guide",
            "Correct the place that is named: Poe drops all controls for one mistake, without a word.",
        ),
        (
            "controls-consistent",
            "warning",
            "Parameter controls make sense: defaults can be chosen, options differ, conditions find their control.",
            "practice",
            "Correct the place that is named.",
        ),
    ),
    *about(
        "Public URL",
        (
            "https",
            "error",
            "A public bot is served over HTTPS.",
            "spec",
            "Put TLS in front of it: the key is sent along.",
        ),
    ),
)
