"""File upload, both ways, and the files themselves (reference: file upload)."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import replace
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import uuid4

from ._asgi import HttpAnswer, Incoming, json_answer
from ._errors import RefusedError, http_error, not_found
from ._records import UploadCall, fingerprint
from ._state import State

_MAX_BYTES = 50 * 2**20
_MAX_HEAD = 8 * 2**10  # of one part
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *;[ -~]*)?", re.ASCII)
_UNKNOWN_TYPE = "application/octet-stream"


async def upload(state: State, request: Incoming) -> HttpAnswer:
    """``POST /poe_api/file_upload_3RD_PARTY_POST``. The key stands in the header as it is, without ``Bearer``."""
    key = request.headers.get("authorization", "")
    refused = state.refusal("upload", key_accepted=state.accepts(key) and not key.lower().startswith("bearer "))
    if refused is not None:
        return refused
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    match kind.strip().lower():
        case "multipart/form-data":
            came = _multipart(request)
        case "application/x-www-form-urlencoded":
            came = _linked(state, request)
        case _:
            raise RefusedError(http_error(400, "An upload is a form: multipart, or with a download_url.", shape="text"))
    if len(came.content) > _MAX_BYTES:
        return http_error(413, "The file is larger than 50 MB.", shape="text")
    number = uuid4().hex
    url = f"{request.base_url}/files/{number}/{quote(came.name, safe='')}"
    came = replace(came, url=url, key=fingerprint(key))
    state.records.uploads.append(came)
    return json_answer({"attachment_url": came.url, "mime_type": came.content_type, "file_id": number})


async def download(state: State, request: Incoming) -> HttpAnswer:
    """``GET /files/…``: a file that was uploaded."""
    found = _stored(state, request.path)
    return HttpAnswer(body=found.content, content_type=found.content_type) if found else not_found("such file")


def _stored(state: State, url: str) -> UploadCall | None:
    """The upload with this URL, or with a URL that ends like this one: hosts have more than one name."""
    _, found, end = url.rpartition("/files/")
    return (
        next((upload for upload in state.records.uploads if upload.url.endswith(f"/files/{end}")), None)
        if found
        else None
    )


def _linked(state: State, request: Incoming) -> UploadCall:
    form = parse_qs(request.body.decode("utf-8", "replace"))
    link = form.get("download_url", [""])[0]
    if not link:
        raise RefusedError(http_error(400, "There is no download_url.", shape="text"))
    try:
        path = urlsplit(link).path
    except ValueError:
        raise RefusedError(http_error(400, "The download_url is no URL.", shape="text")) from None
    name = form.get("download_filename", [""])[0] or unquote(path.rpartition("/")[2]) or "file"
    known = _stored(state, link)
    content_type = known.content_type if known else _type_of(name, "")
    return UploadCall(
        url="", name=name, content_type=content_type, content=known.content if known else b"", download_url=link
    )


def _multipart(request: Incoming) -> UploadCall:
    found = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    boundary = b"\r\n--" + found[1].encode("latin-1") if found else b""
    for part in (b"\r\n" + request.body).split(boundary)[1:-1] if boundary else ():
        head, separator, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = _headers(head[:_MAX_HEAD])
        disposition = headers.get("content-disposition", "")
        if separator and _parameter(disposition, "name") == "file" and _parameter(disposition, "filename"):
            name = _parameter(disposition, "filename")
            declared = headers.get("content-type", "")
            return UploadCall(url="", name=name, content_type=_type_of(name, declared), content=content)
    raise RefusedError(http_error(400, "There is no part named `file` with a filename.", shape="text"))


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _parameter(disposition: str, name: str) -> str:
    """One of ``form-data; name="file"; filename="a.txt"``, without the escapes that browsers and clients use."""
    found = re.search(rf';\s*{name}=(?:"((?:\\.|[^"\\])*)"|([^;\s]+))', disposition)
    if found is None:
        return ""
    raw = found[2] or re.sub(r'\\(["\\])', r"\1", found[1] or "")
    return re.sub("%(22|5C|0D|0A)", lambda code: unquote(code[0]), raw)


def _type_of(name: str, declared: str) -> str:
    if declared:
        return declared if _MEDIA_TYPE.fullmatch(declared) else _UNKNOWN_TYPE  # it becomes a header
    try:
        return mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE
    except ValueError:  # some versions of Python take a name for a URL
        return _UNKNOWN_TYPE
