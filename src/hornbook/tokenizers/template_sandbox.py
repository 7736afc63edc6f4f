"""A Jinja environment for templates that nobody has read: no side effects, bounded time and size.

Jinja's own sandbox keeps a template from reaching anything but its inputs. It doesn't keep it from
running forever or filling the memory, so every place where a template can repeat or enlarge
something is made to pay from a `Budget` here: the bodies of loops and macros, calls, filters,
operators, list and dict literals, and output. What is between two payments works on values of at
most `MAX_SIZE` characters, so it ends within a fraction of a second. Nothing of this needs signals
or threads, so it works from any thread.
"""

import operator
import re
import time
from collections.abc import Callable, Mapping, Sized
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from hornbook.errors import TokenizerError

MAX_SIZE = 10_000_000
"""The most characters that a template may write, and that one of its values may have."""
ITEM_SIZE = 8
"""What an item of a list or dict counts beside its content."""
MAX_BITS = 10_000
"""The most bits of a whole number."""
LEFT_OUT = ("urlize", "wordwrap", "xmlattr", "pprint")
"""Filters for web pages and debugging that would need bounds of their own."""
JINJA_OWN = ("_loop_vars", "_block_vars")
"""Arguments that Jinja adds to calls for itself."""
WIDE_PERCENT = re.compile(r"%[^a-zA-Z%]*(\d{5,}|\*)")
WIDE_BRACES = re.compile(r"\{[^{}]*(\d{5,}|[^{}]\{)")


class Budget:
    """What one rendering may still use.

    Args:
        seconds: the time from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._left = MAX_SIZE

    def spend(self, size: int = 0) -> None:
        """Pays for writing `size` characters, or only for having come by."""
        self._left -= size
        if self._left < 0:
            raise TokenizerError(f"The chat template writes more than {MAX_SIZE} characters")
        if time.monotonic() > self._end:
            raise TokenizerError(f"The chat template takes longer than {self.seconds} seconds")


BUDGET: ContextVar[Budget] = ContextVar("BUDGET")
"""The budget of the rendering that runs in this context; has to be set for compiling as well."""


def check_size(size: float) -> None:
    """Refuses a value of that many characters."""
    if size > MAX_SIZE:
        raise TokenizerError(f"The chat template makes a value of more than {MAX_SIZE} characters")


def weigh(value: Any) -> int:
    """The number of characters that a value takes, written out; refuses one that is too large."""
    size = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, list | tuple | Mapping):
            size += ITEM_SIZE * len(item)
            check_size(size)
            waiting.extend(item)
            if isinstance(item, Mapping):
                waiting.extend(item.values())
        elif isinstance(item, int) and item.bit_length() > MAX_BITS:
            raise TokenizerError("The chat template makes a number of thousands of digits")
    check_size(size)
    return size


def _lines(text: Any, width: Any = 4, *_: Any) -> int:
    return (str(text).count("\n") + 1) * (len(width) if isinstance(width, str) else int(width))


def _replaced(text: Any, old: Any, new: Any, *_: Any) -> int:
    return len(str(text)) + str(text).count(str(old)) * len(str(new))


def _joined(items: Any, glue: Any = "", *_: Any) -> int:
    return len(items) * len(str(glue)) if isinstance(items, Sized) else MAX_SIZE + 1


def _percent(template: Any, *_: Any) -> int:
    return MAX_SIZE + 1 if WIDE_PERCENT.search(str(template)) else 0


# What a filter or a string's method may make of its arguments, where that isn't bounded by the
# sum of their sizes. The names are those of filters; strings' methods of the same name take the
# same arguments, but for `join`.
GROWTH: Mapping[str, Callable[..., float]] = {
    "replace": _replaced,
    "join": _joined,
    "center": lambda text, width=80, *_: width,
    "ljust": lambda text, width, *_: width,
    "rjust": lambda text, width, *_: width,
    "zfill": lambda text, width: width,
    "expandtabs": lambda text, size=8: str(text).count("\t") * size,
    "indent": _lines,
    "format": _percent,
    "batch": lambda items, count, *_: count * ITEM_SIZE,
    "slice": lambda items, count, *_: count * ITEM_SIZE,
    "round": lambda number, precision=0, *_: precision * precision,
    "tojson": lambda value, ensure_ascii=False, indent=None, *_: (
        weigh(value) * (indent if isinstance(indent, int) else len(indent or ""))
    ),
    "translate": lambda *_: MAX_SIZE + 1,
}


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, with every repetition and enlargement paid from `BUDGET`.

    Args:
        **options: as of `jinja2.Environment`.
    """

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=_pay_for_output, **options)
        del self.globals["lipsum"]
        self.globals["namespace"] = QuietNamespace
        for name in LEFT_OUT:
            del self.filters[name]

    def bound_filters(self) -> None:
        """Makes the filters pay; to be called once all are there."""
        for name, function in self.filters.items():
            self.filters[name] = _bounded_filter(name, function)
        self.filters.update(
            {"$pay": _pay, "$weigh": _weighed, "$concat": _concat}  # names that no source can use
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        block: Any
        for block in template.find_all((nodes.For, nodes.Macro, nodes.CallBlock)):
            text = sum(len(data.data) for data in block.find_all(nodes.TemplateData))
            block.body.insert(0, nodes.Output([_filter(nodes.Const(text), "$pay", block.lineno)]))
        return _Guard().visit(template).set_environment(self)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        BUDGET.get().spend()
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            if obj.__name__ == "join":
                args = (list(*args),)
                check_size(_joined(*args, owner))
            elif obj.__name__ in GROWTH and obj.__name__ != "format":
                named = {key: value for key, value in kwargs.items() if key not in JINJA_OWN}
                check_size(GROWTH[obj.__name__](owner, *args, **named))
        return _weigh_result(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        BUDGET.get().spend()
        _check_operands(operator, left, right)
        return _weigh_result(super().call_binop(context, operator, left, right))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None and WIDE_BRACES.search(value.__self__):
            raise TokenizerError("The chat template formats something to a width out of bounds")
        return wrapped


class QuietNamespace(Namespace):
    """Jinja's `namespace()`; it can't hold underscored names and isn't written out."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # `self` may be an attribute
        attributes = dict(*args[1:], **kwargs)
        Namespace.__init__(args[0], {_checked_name(name): v for name, v in attributes.items()})

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(_checked_name(name), value)

    def __repr__(self) -> str:
        return "<Namespace>"


def _checked_name(name: Any) -> Any:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a chat template can't store {name!r} in a namespace")
    return name


class _Guard(NodeTransformer):
    """Makes expressions pay that Jinja offers no hook for: `~` and literals of lists and dicts."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "$concat", node.lineno)

    def _literal(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node, nodes.Tuple) and node.ctx != "load":
            return node
        return _filter(node, "$weigh", node.lineno)

    visit_List = visit_Tuple = visit_Dict = _literal  # noqa: N815


def _filter(node: nodes.Expr, name: str, lineno: int) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=lineno)


# Filters that are given the context are never run at compile time.


@pass_context
def _pay(context: Context, size: int) -> str:
    BUDGET.get().spend(size)
    return ""


@pass_context
def _weighed(context: Context, value: Any) -> Any:
    BUDGET.get().spend()
    weigh(value)
    return value


@pass_context
def _concat(context: Context, values: list[Any]) -> str:
    BUDGET.get().spend()
    weigh(values)
    return "".join(map(str, values))


def _pay_for_output(value: Any) -> Any:
    BUDGET.get().spend(weigh(value))
    return value


def _weigh_result(value: Any) -> Any:
    if isinstance(value, str | list | tuple | Mapping | int):
        weigh(value)
    return value


def _bounded_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    growth = GROWTH.get(name)
    # A filter may be given Jinja's context, environment or evaluation context before the value.
    first = 0 if getattr(function, "jinja_pass_arg", None) is None else 1

    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        BUDGET.get().spend()
        if name == "join" and not isinstance(args[first], Sized):
            args = (*args[:first], list(args[first]), *args[first + 1 :])
        if growth is not None:
            check_size(growth(*args[first:], **kwargs))
        return _weigh_result(function(*args, **kwargs))

    return bounded


def _check_operands(symbol: str, left: Any, right: Any) -> None:
    """Refuses an operation whose result would be too large to compute."""
    if symbol == "*":
        for value, times in ((left, right), (right, left)):
            if isinstance(value, str | list | tuple) and isinstance(times, int):
                check_size(weigh(value) * times)
    elif symbol == "**" and isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * operator.index(right) > MAX_BITS:
            raise TokenizerError("The chat template makes a number of thousands of digits")
    elif symbol == "%" and isinstance(left, str):
        check_size(_percent(left))
