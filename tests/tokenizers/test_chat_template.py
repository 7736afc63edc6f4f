"""Chat templates render what transformers renders, and bad ones end in one clear error."""

import dataclasses
import threading

import numpy as np
import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from hornbook.errors import TokenizerError
from hornbook.tokenizers.chat_template import pick_template, render

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# In the manner of Llama 2's: namespaces, alternation, trimming, slices.
INST = """
{%- set ns = namespace(system='', seen=0) -%}
{%- if messages[0]['role'] == 'system' %}
    {%- set ns.system = messages[0].content | trim ~ '\n' %}
    {%- set messages = messages[1:] %}
{%- endif %}
{% for message in messages %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate: ' + message.role) }}
    {%- endif %}
    {%- set ns.seen = ns.seen + 1 %}
    {%- if message.role == 'user' -%}
        {{ bos_token + '[INST] ' ~ ns.system ~ message.content.strip() + ' [/INST]' }}
    {%- else -%}
        {% generation %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}{% endgeneration %}
    {%- endif %}
    {%- if not loop.last %}{{ '\n' * 2 }}{% endif %}
{% endfor %}
({{ ns.seen }} turns, {{ messages | length }})
"""
# In the manner of those for tools: JSON, macros, parts, tests, dicts, loop controls.
TOOLS = """
{%- macro part(content) -%}
    {%- if content is string %}{{ content }}
    {%- elif content is iterable %}
        {%- for p in content if p.type == 'text' %}{{ p['text'] | replace('\\n', ' ') }}{% endfor %}
    {%- endif %}
{%- endmacro %}
{%- if tools %}
# Tools
{% for tool in tools %}
{{ tool | tojson }} {{ tool.function | tojson(indent=2) }}
{% endfor %}
{{ tools | map(attribute='function') | map(attribute='name') | join(', ') }}
{%- endif %}
{%- for m in messages | selectattr('role', 'ne', 'hidden') %}
{%- if m.role == 'stop' %}{% break %}{% endif %}
{%- set info = {'n': loop.index, 'parts': [m.role, 'x'], 'name': m.get('name', 'none')} %}
{{ info | tojson }}|{{ dict(a=1) }}|{{ '%s-%03d' % (m.role, loop.index) }}|{{ '{:>5}'.format('r') }}
{{ part(m.content) }}{{ m.reasoning_content | default('no') }}{{ m.thinking is defined }}
{%- if m.tool_calls %}{% for call in m.tool_calls %}
<call>{"name": "{{ call.function.name }}", "args": {{ call.function.arguments | tojson }}}</call>
{%- endfor %}{% endif %}
{%- set text %}{{ m.role | upper }}{% endset %}{{ text | title | indent(2, true) }}
{{ m.role.split('e') }}
{{ m.role.replace('s', 'zz', 1) }} {{ '-'.join([m.role, 'x']) }}
{{ m.role.ljust(9) }}|{{ '%-9s' | format(m.role) }}|{{ m.role | center(20) }}|
{{ ['b', 'a'] | sort | first }} {{ (1, 2) }} {{ [3] + [4] }} {{ 7 // 2 }}
{%- endfor %}
{{ documents is none }} {{ flag }} {{ missing }}{{ 2 ** 5 }} {{ range(3) | list }}
"""
CHATS = {
    "plain": [
        {"role": "user", "content": "Hi <b>&amp; 'you' \"there\" é 😀"},
        {"role": "assistant", "content": "  Hello\n"},
        {"role": "user", "content": ""},
    ],
    "system": [
        {"role": "system", "content": " Be brief.\n"},
        {"role": "user", "content": "{{ not_a_template }} {% raw %}"},
    ],
    "tools": [
        {"role": "user", "content": [{"type": "text", "text": "a\nb"}, {"type": "image"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "f", "arguments": {"x": "é<", "y": [1, None]}}}],
        },
        {"role": "tool", "name": "f", "content": "3"},
        {"role": "hidden", "content": "?"},
        {"role": "assistant", "content": "3!", "thinking": "hm"},
        {"role": "stop", "content": "?"},
    ],
}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"x": {"type": "string"}}}}


@pytest.mark.parametrize("template", [CHATML, INST, TOOLS], ids=["chatml", "inst", "tools"])
@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("add_generation_prompt", [True, False])
@pytest.mark.parametrize("tools", [None, [TOOL]], ids=["no tools", "a tool"])
def test_output_equals_the_original(template, chat, add_generation_prompt, tools):
    variables = {"bos_token": "<s>", "eos_token": "</s>", "flag": True}
    messages = CHATS[chat]
    # The original drops what is None before it renders.
    cleaned = [{k: v for k, v in m.items() if v is not None} for m in messages]
    try:
        (theirs,), _ = render_jinja_template(
            [cleaned],
            tools=tools,
            chat_template=template,
            add_generation_prompt=add_generation_prompt,
            **variables,
        )
    except Exception:
        with pytest.raises(TokenizerError):
            render(template, messages, tools=tools, variables=variables)
        return
    ours = render(
        template,
        messages,
        add_generation_prompt=add_generation_prompt,
        tools=tools,
        variables=variables,
    )
    assert ours == theirs


def test_templates_refusal_is_our_error():
    twice = [{"role": "user", "content": "a"}] * 2
    with pytest.raises(TokenizerError, match="refuses the messages: Roles must alternate: user"):
        render(INST, twice, variables={"bos_token": "", "eos_token": ""})


def test_rich_values_become_plain_ones():
    @dataclasses.dataclass
    class Message:
        role: str
        content: list

    class Text(str):
        pass

    source = "{{ messages[0].role }} {{ messages[0].content }} {{ n }} {{ o }} {{ f is true }}"
    message = Message("user", [{"image": np.zeros(2), "text": Text("t")}])
    variables = {"n": np.int64(3), "o": object(), "f": np.True_}
    assert render(source, [message], variables=variables) == (
        "user [{'image': '<ndarray>', 'text': 't'}] 3 <object> True"
    )


def test_keys_that_are_none_are_not_there():
    source = "{{ messages[0].content is defined }}"
    assert render(source, [{"role": "assistant", "content": None}]) == "False"


def test_the_template_is_picked():
    templates = {"default": "d", "tool_use": "t", "rag": "r"}
    assert pick_template(templates) == "d"
    assert pick_template(templates, with_tools=True) == "t"
    assert pick_template(templates, "rag", with_tools=True) == "r"
    assert pick_template(templates, "{{ source }}") == "{{ source }}"
    assert pick_template({"default": "d"}, with_tools=True) == "d"
    with pytest.raises(TokenizerError, match=r"several chat templates .* 'rag', 'tool_use'"):
        pick_template({"rag": "r", "tool_use": "t"})
    with pytest.raises(TokenizerError, match=r"has no chat template.*prompt as a string"):
        pick_template({})


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("Hello", r"Got str; expected a list of messages, such as \[\{"),
        ({"role": "user", "content": "Hello"}, "Got dict; expected a list"),
        ([], "list of messages is empty"),
        (["Hello"], "Message 0 is 'Hello'; expected a dict with a role"),
        ([{"content": "Hello"}], "Message 0 is {'content': 'Hello'}"),
        ([{"role": 3, "content": "Hello"}], "Message 0"),
        ([[{"role": "user", "content": "a chat in a batch"}]], "Message 0"),
        ([{"role": "user", "content": 3}], "content of message 0 is 3; expected a string"),
    ],
)
def test_what_is_no_chat_is_one_clear_error(messages, message):
    with pytest.raises(TokenizerError, match=message):
        render(CHATML, messages)


def test_tools_are_schemas():
    with pytest.raises(TokenizerError, match="Tool 0 is <function"):
        render(CHATML, CHATS["plain"], tools=[render])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% for %}", "is broken at line 1: Expected"),
        ("\n\n{{ x | nothing }}", "is broken at line 3: No filter named 'nothing'"),
        ("{% include 'x' %}", "failed: TypeError: no loader"),
        ("{{ messages[9].role }}", "needs what the messages don't have: .* has no element 9"),
        ("{{ none.x.y }}", "needs what the messages don't have"),
        ("{{ messages + 1 }}", "failed: TypeError"),
        ("{{ 1 / 0 }}", "failed: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "refuses the messages: access to attribute '__class__'"),
        ("{{ messages.append(1) }}", "refuses the messages"),
        ("{{ namespace(__init__=1) }}", "can't store '__init__'"),
        ("{% set n = namespace() %}{% set n.__x = 1 %}", "can't store '__x'"),
        ("{{ raise_exception('no') }}", "refuses the messages: no"),
        ("x" * 1_000_001, "more than 1000000 characters"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "failed: RecursionError"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
    ],
)
def test_bad_templates_are_one_clear_error(source, message):
    with pytest.raises(TokenizerError, match=message):
        render(source, [{"role": "user", "content": "a"}])


DOUBLE = "{% set n = namespace(x='ab') %}{% for i in range(60) %}"
BOUNDS = "longer than|more than|thousands of digits|a width out of bounds|RecursionError|too big"
ATTACKS = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}"
    "{% if a %}{% endif %}{% endfor %}{% endfor %}",
    "nested loops that print": "{% for a in range(99999) %}{% for b in range(99999) %}x"
    "{% endfor %}{% endfor %}",
    "filtered loops": "{% for a in range(99999) %}{% for b in range(99999) if false %}"
    "{% endfor %}{% endfor %}",
    "recursive loop": "{% for a in [messages] recursive %}{{ loop([a, a]) }}{% endfor %}",
    "recursive macro": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}"
    "{% endmacro %}{{ f(40) }}",
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "string times": "{{ 'x' * 10 ** 10 }}",
    "list times": "{{ ([1] * 10 ** 10) | length }}",
    "times string": "{{ 10 ** 10 * 'x' }}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "growing number": "{% set n = namespace(x=10) %}{% for i in range(60) %}"
    "{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "shifted number": "{{ (2 ** 9999) * (2 ** 9999) }}",
    "doubling": DOUBLE + "{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling by ~": DOUBLE + "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling by output": DOUBLE + "{% set y %}{{ n.x }}{{ n.x }}{% endset %}"
    "{% set n.x = y %}{% endfor %}",
    "doubling by join": DOUBLE + "{% set n.x = [n.x, n.x] | join %}{% endfor %}",
    "doubling by join's glue": DOUBLE + "{% set n.x = n.x.join('abc') %}{% endfor %}",
    "doubling by format": DOUBLE + "{% set n.x = '%s%s' % (n.x, n.x) %}{% endfor %}",
    "doubling by format()": DOUBLE + "{% set n.x = '{0}{0}'.format(n.x) %}{% endfor %}",
    "doubling by replace": DOUBLE + "{% set n.x = n.x.replace('a', 'aa') %}{% endfor %}",
    "doubling by replace filter": DOUBLE + "{% set n.x = n.x | replace('a', 'aa') %}{% endfor %}",
    "doubling by macro": "{% macro f(x) %}{{ x }}{{ x }}{% endmacro %}"
    + DOUBLE
    + "{% set n.x = f(n.x) %}{% endfor %}",
    "doubling by filter block": DOUBLE
    + "{% set n.x %}{% filter upper %}{{ n.x }}{{ n.x }}{% endfilter %}{% endset %}{% endfor %}",
    "nested lists, printed": DOUBLE + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "nested lists, compared": "{% set n = namespace(x=[], y=[]) %}{% for i in range(60) %}"
    "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
    "nested tuples": DOUBLE + "{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x | tojson }}",
    "nested dicts": DOUBLE + "{% set n.x = {'a': n.x, 'b': n.x} %}{% endfor %}{{ n.x | tojson }}",
    "nested dict()": DOUBLE + "{% set n.x = dict(a=n.x, b=n.x) %}{% endfor %}{{ n.x | string }}",
    "nested sums": DOUBLE + "{% set n.x = [n.x] + [n.x] %}{% endfor %}{{ n.x }}",
    "nested batches": DOUBLE + "{% set n.x = [n.x, n.x] | batch(2) | list %}{% endfor %}{{ n.x }}",
    "literal text in a block": "{% set y %}{% for a in range(99999) %}"
    + "x" * 9999
    + "{% endfor %}{% endset %}",
    "literal text in a macro": "{% macro f() %}" + "x" * 9999 + "{% endmacro %}{% set y %}"
    "{% for a in range(99999) %}{{ f() }}{% endfor %}{% endset %}",
    "literal text in a call block": "{% macro f() %}{% for a in range(99999) %}{{ caller() }}"
    "{% endfor %}{% endmacro %}{% call f() %}" + "x" * 9999 + "{% endcall %}",
    "wide": "{{ 'x'.ljust(10 ** 10) }}",
    "wide filter": "{{ 'x' | center(10 ** 10) }}",
    "wide format": "{{ '{:10000000000}'.format(1) }}",
    "wide format by argument": "{{ '{:{}}'.format(1, 10 ** 10) }}",
    "wide format_map": "{{ '{x:10000000000}'.format_map({'x': 1}) }}",
    "wide percent": "{{ '%10000000000d' % 1 }}",
    "wide percent by argument": "{{ '%*d' % (10 ** 10, 1) }}",
    "wide format filter": "{{ '%10000000000d' | format(1) }}",
    "wide indent": "{{ 'x\n' | indent(10 ** 10) }}",
    "wide json": "{{ [1] | tojson(indent=10 ** 10) }}",
    "tabs": "{{ ('\t' * 9999).expandtabs(99999) }}",
    "zfill": "{{ 'x'.zfill(10 ** 10) }}",
    "translate": "{{ ('a' * 9999).translate({97: 'x' * 9999}) }}",
    "replace by much": "{{ ('a' * 9999).replace('a', 'x' * 9999) }}",
    "join with much": "{{ ('x' * 9999).join('a' * 9999) }}",
    "join a generator": "{{ range(9999) | map('string') | join('x' * 9999) }}",
    "join() a generator": "{{ ('x' * 9999).join(range(9999) | map('string')) }}",
    "slices": "{{ [1] | slice(10 ** 10) | list }}",
    "batches": "{{ [1] | batch(10 ** 10, 0) | list }}",
    "rounding": "{{ 1.5 | round(10 ** 10, 'floor') }}",
    "range": "{{ range(10 ** 10) | list }}",
    "constants at compile time": "{{ 'x' | center(10 ** 10) | length > 1 and 'y' }}",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_template_gets_out_of_bounds(name):
    # An attack that works doesn't end, or takes all memory.
    with pytest.raises(TokenizerError, match=BOUNDS):
        render(ATTACKS[name], [{"role": "user", "content": "a"}], time_limit=0.5)


def test_a_namespace_is_not_written_out():
    source = "{% set n = namespace(x=1) %}{% for i in range(60) %}"
    source += "{% set n.x = namespace(a=n.x, b=n.x) %}{% endfor %}{{ n.x }}"
    assert render(source, [{"role": "user", "content": "a"}]) == "<Namespace>"


def test_the_time_limit_holds_in_any_thread():
    errors = []

    def run():
        try:
            render(ATTACKS["nested loops"], [{"role": "user", "content": ""}], time_limit=0.2)
        except TokenizerError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == ["The chat template takes longer than 0.2 seconds"] * 3


def test_a_long_chat_is_no_attack():
    chat = [{"role": "user", "content": "word " * 200}] * 2000
    assert len(render(CHATML, chat)) > 2_000_000
