"""Chat templates: Jinja sources that turn a list of messages into one string.

The semantics are those of `transformers`, whose output is equal byte for byte.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
import numpy as np
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from hornbook.errors import TokenizerError
from hornbook.tokenizers.settings import DEFAULT_TEMPLATE
from hornbook.tokenizers.template_sandbox import BUDGET, BoundedEnvironment, Budget

TIME_LIMIT = 5.0
"""The seconds after which a template is stopped."""
MAX_SOURCE = 1_000_000
TOOLS_TEMPLATE = "tool_use"
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
"""The names that a message's reasoning goes by; templates read the first, a few the second."""


def pick_template(
    templates: Mapping[str, str], chosen: str | None = None, with_tools: bool = False
) -> str:
    """Picks a chat template.

    Args:
        templates: name to source.
        chosen: a name, or a source itself; None takes the default.
        with_tools: take the template for tools, if there is one and none is chosen.

    Raises:
        TokenizerError: when there is none to pick.
    """
    if chosen is not None:
        return templates.get(chosen, chosen)
    if with_tools and TOOLS_TEMPLATE in templates:
        return templates[TOOLS_TEMPLATE]
    if DEFAULT_TEMPLATE in templates:
        return templates[DEFAULT_TEMPLATE]
    if templates:
        raise TokenizerError(
            "The tokenizer has several chat templates and none is the default; pass "
            f"chat_template= with one of {', '.join(map(repr, sorted(templates)))}"
        )
    raise TokenizerError(
        "The tokenizer has no chat template, so it was probably not trained on chats; write the "
        "prompt as a string, or pass chat_template= with a Jinja template"
    )


def render(
    template: str,
    messages: Iterable[Mapping[str, Any]],
    *,
    add_generation_prompt: bool = True,
    tools: Sequence[Mapping[str, Any]] | None = None,
    variables: Mapping[str, Any] | None = None,
    time_limit: float = TIME_LIMIT,
) -> str:
    r"""Renders a chat.

    Args:
        template: the Jinja source.
        messages: dicts with `role` and `content`; a content is a string, or a list of parts.
        add_generation_prompt: end with the beginning of the assistant's turn.
        tools: JSON schemas of the functions that the model may call.
        variables: further values that the template reads, such as `bos_token`.
        time_limit: seconds after which it is stopped.

    Raises:
        TokenizerError: when the messages aren't messages, when the template is broken or refuses
            them, or when it takes too much time or memory.

    Example:
        >>> source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        >>> render(source, [{"role": "user", "content": "Hi"}])
        'user: Hi\n'
    """
    values = {
        "documents": None,
        **{name: _plain(value) for name, value in (variables or {}).items()},
        "messages": [_message(index, m) for index, m in enumerate(_message_list(messages))],
        "tools": _plain(_tool_list(tools)),
        "add_generation_prompt": add_generation_prompt,
    }
    token = BUDGET.set(Budget(time_limit))
    try:
        return _compile(template).render(**values)
    except TokenizerError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise TokenizerError(
            f"The chat template is broken at line {error.lineno}: {error.message}"
        ) from error
    except jinja2.UndefinedError as error:
        raise TokenizerError(
            f"The chat template needs what the messages don't have: {error.message}"
        ) from error
    except jinja2.TemplateError as error:
        raise TokenizerError(f"The chat template refuses the messages: {error.message}") from error
    except Exception as error:
        raise TokenizerError(
            f"The chat template failed: {type(error).__name__}: {error}"
        ) from error
    finally:
        BUDGET.reset(token)


@lru_cache(maxsize=32)
def _compile(source: str) -> jinja2.Template:
    if len(source) > MAX_SOURCE:
        raise TokenizerError(f"The chat template has more than {MAX_SOURCE} characters")
    return _environment().from_string(source)


@lru_cache(maxsize=1)
def _environment() -> BoundedEnvironment:
    environment = BoundedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationBlock, loopcontrols]
    )
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    environment.globals["dict"] = TemplateDict()
    environment.filters["tojson"] = _to_json
    environment.bound_filters()
    return environment


class GenerationBlock(Extension):
    """`{% generation %}...{% endgeneration %}`, which marks the assistant's part: just its body."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: Parser) -> list[jinja2.nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return [jinja2.nodes.Scope(body, lineno=line)]


class TemplateDict:
    """What templates see as `dict`: it makes dicts and has nothing else to offer."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """As `dict.fromkeys`."""
        return dict.fromkeys(*args)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)  # local time, as the original has it


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as models were trained on it; Jinja's own filter escapes HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _message_list(messages: Any) -> Sequence[Any]:
    if isinstance(messages, str | bytes | Mapping):
        raise TokenizerError(
            f"Got {type(messages).__name__}; expected a list of messages, such as "
            '[{"role": "user", "content": "Hello"}]'
        )
    messages = list(messages)
    if not messages:
        raise TokenizerError("The list of messages is empty; expected at least one message")
    return messages


def _message(index: int, message: Any) -> dict[str, Any]:
    """A message as templates see it: plain values, without those that are None."""
    if dataclasses.is_dataclass(message):
        message = _plain(message)
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise TokenizerError(
            f"Message {index} is {_shown(message)}; expected a dict with a role and a content, "
            'such as {"role": "user", "content": "Hello"}'
        )
    if not isinstance(message.get("content"), str | list | tuple | None):
        raise TokenizerError(
            f"The content of message {index} is {_shown(message['content'])}; expected a string "
            "or a list of parts"
        )
    plain = {key: _plain(value) for key, value in message.items() if value is not None}
    reasoning = next((plain[key] for key in REASONING_KEYS if key in plain), None)
    if reasoning is None:
        return plain
    return {"thinking": reasoning, **plain, "reasoning_content": reasoning}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 100 else f"{text[:100]}..."


def _tool_list(tools: Sequence[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    if tools is None:
        return None
    for index, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise TokenizerError(
                f"Tool {index} is {_shown(tool)}; expected the JSON schema of a function as a dict"
            )
    return list(tools)


def _plain(value: Any) -> Any:
    """A value made of plain JSON types; a template sees only a name of anything else."""
    match value:
        case None | bool():
            return value
        case np.generic():
            return _plain(value.item())
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case Mapping():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case tuple():
            return tuple(_plain(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    return f"<{type(value).__name__}>"
