"""`hornbook chat`: what is said before counts, until it is cleared."""

import io
import shutil
import sys

import pytest

from hornbook.cli import chat, console
from hornbook.cli.reply import Reply
from hornbook.errors import GenerationError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def conversation(monkeypatch, capsys):
    """A function that says lines to a stand-in and returns the prompts it saw, and the output."""

    def say(*lines, answer="yes", system=None, stdin=io.StringIO):
        seen = []

        def reply(messages):
            seen.append([f"{message['role']}: {message['content']}" for message in messages])
            if isinstance(answer, BaseException):
                raise answer
            console.write(answer)
            return Reply(answer, 1, 2, 0.0, 0.5, 2.0)

        monkeypatch.setattr(sys, "stdin", stdin("".join(f"{line}\n" for line in lines)))
        chat.converse(reply, system)
        return seen, capsys.readouterr()

    return say


def test_an_answer_sees_all_that_was_said(conversation):
    seen, captured = conversation("hello", "", "how are you?", system="be brief")
    assert seen == [
        ["system: be brief", "user: hello"],
        ["system: be brief", "user: hello", "assistant: yes", "user: how are you?"],
    ]
    assert (captured.out, captured.err) == ("yes\nyes\n", "")


def test_clear_starts_anew_and_exit_ends(conversation):
    seen, _ = conversation("a", "/clear", "b", "/exit", "c", system="s")
    assert seen == [["system: s", "user: a"], ["system: s", "user: b"]]


def test_a_conversation_that_is_too_long_says_so(conversation):
    with pytest.raises(GenerationError, match="no room; the conversation is too long"):
        conversation("a", answer=GenerationError("no room"))


def test_ctrl_c_ends_a_pipe_but_only_an_answer_on_a_terminal(conversation, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        conversation("a", answer=KeyboardInterrupt())
    lines = iter(["a", "b"])

    def read(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    seen, _ = conversation(answer=KeyboardInterrupt(), stdin=Terminal)
    assert seen == [["user: a"], ["user: b"]]


def test_a_terminal_is_shown_the_speed(conversation, monkeypatch):
    lines = iter(["a", "/exit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    _, captured = conversation(stdin=Terminal)
    assert captured.out == "yes\n"
    assert captured.err == "(2 tokens, 2.0 tokens/s, the first after 0.0 s)\n"


@pytest.mark.usefixtures("loaded_once")
def test_a_real_model_answers_each_line(hornbook, tiny_model, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("hi\nho\n"))
    outcome = hornbook("chat", tiny_model, "--max-new-tokens", 3, "--sampler", "greedy")
    assert outcome.status == 0, outcome.err
    assert outcome.out.endswith("\n")


def test_a_model_without_a_chat_template_is_refused(hornbook, tiny_model, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    outcome = hornbook("chat", folder)
    assert (outcome.status, outcome.out) == (1, "")
    assert "has no chat template" in outcome.err
    assert "hornbook generate" in outcome.err
