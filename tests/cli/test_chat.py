"""``chat`` with a bot that is started for it, over real connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from poe_asgi.cli._chat_session import HELP
from poe_asgi.cli._exits import Exit
from poe_asgi.cli._server_bot import ServerBot
from poe_asgi.cli._talk import Talk
from poe_asgi.protocol import ErrorEvent, QueryRequest, Reply, user

from ..snippets import ROOT
from .support import ECHO, invoke, terminal, write

PARROT = """\
from poe_asgi import Answer, AnswerError, Bot, Data, File, QueryContext, SuggestedReply

bot = Bot("Parrot")


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    if ctx.text == "fail":
        raise AnswerError("Not now.")
    for file in ctx.attachments:
        content = await ctx.poe.download(file)
        yield f"{file.name}: {file.parsed_content or len(content)}"
        yield file
    yield f"**{len(ctx.messages)}** {ctx.text}"
    yield SuggestedReply("Go on")
    yield Data("kept")
"""


def test_a_conversation_goes_on_from_question_to_question() -> None:
    write("parrot.py", PARROT)
    result = invoke("chat", "parrot.py", "--json", stdin="one\n/1\n/retry\n/clear\nthree\n")
    answers = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [answer["text"] for answer in answers] == ["**1** one", "**3** Go on", "**3** Go on", "**1** three"]
    assert answers[0]["suggested_replies"] == ["Go on"]
    assert answers[0]["error"] is None
    assert result.exit_code == Exit.OK


def test_answers_are_shown_as_markdown_with_what_comes_beside_the_text() -> None:
    write("parrot.py", PARROT)
    output = invoke("chat", "parrot.py", stdin="one\n/history\n/9\n", COLUMNS="80").output
    assert "1 one" in output
    assert "**1**" not in output.partition("/1")[0]
    assert "/1  Go on" in output
    assert "  user one\n  bot  **1** one\n" in output
    assert "There is no suggested reply 9." in output


def test_raw_shows_the_events() -> None:
    write("parrot.py", PARROT)
    output = invoke("chat", "parrot.py", "--raw", stdin="one\n").output
    events = [line.split()[2] for line in output.splitlines() if " ms " in line and "{" in line]
    assert events == ["meta", "text", "suggested_reply", "data", "done"]


def test_a_file_is_attached_to_the_next_question_and_the_bot_can_fetch_it() -> None:
    write("parrot.py", PARROT)
    write("notes.txt", "Buy milk.")
    Path("dot.png").write_bytes(b"12345")
    result = invoke("chat", "parrot.py", "--json", stdin="/file notes.txt\n/file dot.png\nlook\nagain\n")
    look, again = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert look["text"] == "notes.txt: Buy milk.dot.png: 5**1** look"
    assert [file["name"] for file in look["files"]] == ["notes.txt", "dot.png"]
    assert again["text"] == "**3** again"


def test_json_is_all_that_a_script_reads() -> None:
    write("printing.py", "print('loading')\n" + PARROT)
    write("notes.txt", "Buy milk.")
    process = subprocess.run(
        [sys.executable, "-P", "-m", "poe_asgi.cli", "chat", "printing.py", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="/file notes.txt\nlook\n/history\n",
        capture_output=True,
        text=True,
        check=True,
    )
    (answer,) = map(json.loads, process.stdout.splitlines())
    assert answer["files"][0]["name"] == "notes.txt"
    assert "loading" in process.stderr
    assert "goes with the next question" in process.stderr


def test_the_author_reads_what_the_user_does_not() -> None:
    wrong = 'yield ctx.poe.ask("Claude") if ctx.text == "ask" else 1 / 0'
    write(
        "wrong.py",
        PARROT.replace('raise AnswerError("Not now.")', "pass").replace("yield Data", f"{wrong}\n    yield Data"),
    )
    process = subprocess.run(
        [sys.executable, "-P", "-m", "poe_asgi.cli", "chat", "wrong.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="ask\ndivide\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "write `yield await ask(…)` (error " in process.stderr
    assert "ZeroDivisionError: division by zero\nanswer of Bot('Parrot') failed (error " in process.stderr


def test_the_last_error_is_the_exit_code_of_a_script() -> None:
    write("parrot.py", PARROT)
    failed = invoke("chat", "parrot.py", stdin="fail\n")
    assert failed.exit_code == Exit.NEGATIVE
    assert "Not now." in failed.output
    assert invoke("chat", "parrot.py", stdin="fail\nfine\n").exit_code == Exit.OK


def test_a_bot_that_cannot_be_loaded_is_told_like_everywhere() -> None:
    write("broken.py", "1 / 0\n")
    result = invoke("chat", "broken.py", stdin="hi\n")
    assert result.exit_code == Exit.NOT_LOADED
    assert "broken.py, line 1: ZeroDivisionError" in result.output


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nowhere.invalid/"])
def test_a_bot_that_cannot_be_reached_has_its_own_exit_code(url: str) -> None:
    result = invoke("chat", url, stdin="hi\n")
    assert result.exit_code == Exit.UPSTREAM
    assert "Traceback" not in result.output


def test_a_wrong_key_says_what_to_give() -> None:
    from poe_asgi.cli._local_bot import local_bot
    from poe_asgi.cli._target import parse_target
    from poe_asgi.client import close_pool

    async def wrong_key() -> str:
        async with local_bot(parse_target("bot.py"), key="k" * 32, path=None) as local:
            try:
                await ServerBot(local.url, "wrong").settings()
            except Exception as exc:
                return str(exc)
            finally:
                await close_pool()
        return ""

    import asyncio

    write("bot.py", ECHO)
    assert "answered 401. The access key is missing or wrong: give --key" in asyncio.run(wrong_key())


def test_help_lists_what_there_is() -> None:
    write("bot.py", ECHO)
    output = invoke("chat", "bot.py", stdin="/help\n/raw\n/raw\n/file\n/retry\n").output
    assert all(name in output for name in HELP)
    assert "answers are shown as events" in output
    assert "answers are shown as Markdown" in output


def test_files_for_a_bot_elsewhere_need_a_key_of_poe() -> None:
    import asyncio

    from poe_asgi.cli._chat_files import attach
    from poe_asgi.cli._exits import Failure

    assert "POE_API_KEY" not in os.environ
    with pytest.raises(Failure, match="set POE_API_KEY"):
        asyncio.run(attach(write("notes.txt", "x"), None))


# ---- what is remembered


def answered(talk: Talk, query: QueryRequest, text: str = "Fine.", error: ErrorEvent | None = None) -> None:
    talk.answered(query, Reply(text=text, data="kept", error=error))


def test_an_answer_is_kept_with_its_id_and_its_data() -> None:
    talk = Talk()
    query = talk.ask("How are you?")
    answered(talk, query)
    question, answer = talk.messages
    assert (question.role, question.content) == ("user", "How are you?")
    assert (answer.role, answer.content, answer.metadata, answer.message_id) == (
        "bot",
        "Fine.",
        "kept",
        query.message_id,
    )
    again = talk.ask("And now?")
    assert [message.content for message in again.query] == ["How are you?", "Fine.", "And now?"]
    assert again.conversation_id == query.conversation_id
    assert again.message_id != query.message_id


def test_an_answer_that_failed_before_it_said_anything_leaves_nothing() -> None:
    talk = Talk()
    answered(talk, talk.ask("Hello"), text="", error=ErrorEvent(text="No."))
    assert [message.role for message in talk.messages] == ["user"]


def test_a_retry_is_the_same_question_without_its_answer() -> None:
    talk = Talk()
    assert talk.retry() is None
    answered(talk, talk.ask("One"))
    first = talk.ask("Two")
    answered(talk, first)
    second = talk.retry()
    assert second is not None
    assert [message.content for message in second.query] == ["One", "Fine.", "Two"]
    assert second.query[-1].message_id == first.query[-1].message_id
    answered(talk, second, "Better.")
    assert [message.content for message in talk.messages] == ["One", "Fine.", "Two", "Better."]


def test_clearing_begins_a_new_conversation() -> None:
    talk = Talk()
    first = talk.ask("One")
    answered(talk, first)
    talk.clear()
    assert talk.retry() is None
    second = talk.ask("Two")
    assert [message.content for message in second.query] == [user("Two").content]
    assert second.conversation_id != first.conversation_id
    assert second.user_id == first.user_id


# ---- in a terminal


def test_ctrl_c_stops_an_answer_and_ctrl_d_ends_the_conversation() -> None:
    slow = ECHO.replace(
        "yield ctx.text", "yield 'begun '\n    await asyncio.sleep(60 if ctx.text == 'wait' else 0)\n    yield ctx.text"
    )
    write("slow.py", f"import asyncio\n{slow}")
    with terminal("chat", "slow.py") as screen:
        screen.until("Say something.")
        screen.until("> ")
        screen.send("wait\n")
        screen.until("begun ")
        screen.send("\x03")
        screen.until("stopped")
        screen.until("> ")
        screen.send("go on\n")
        screen.until("begun go on")
        screen.until("> ")
        screen.send("\x04")
        assert screen.ended() == Exit.OK
        assert "Traceback" not in screen.output


@pytest.mark.parametrize("module", ["rich", "markdown_it"])
def test_without_the_extra_one_line_says_what_to_install(module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from poe_asgi.cli import main; main(['chat', 'bot.py'])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == Exit.SETUP
    assert result.stderr == f'Error: This command needs {module}. Install it: pip install "poe-asgi[dev]"\n'
