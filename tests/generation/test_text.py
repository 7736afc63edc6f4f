"""Texts, chats and token ids through a whole model: what comes out has the form of what went in."""

from functools import cache

import keras
import numpy as np
import pytest

from generation import naive
from generation.tiny_task import MAXIMUM, TEXTS
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import GeneratedStep
from hornbook.generation.prompts import read_prompts
from hornbook.generation.text_stream import TextRows, stream_texts
from hornbook.models import GPT2CausalLM

CHAT = [{"role": "user", "content": "A horn?"}]


@pytest.fixture(scope="module")
def bare(task):
    """The same model without its tokenizer."""
    bare = GPT2CausalLM(task.backbone)
    bare.compile(sampler="greedy")
    return bare


@cache
def compiled(task):
    def logits_of(token_ids):
        return task({"token_ids": token_ids, "padding_mask": keras.ops.ones_like(token_ids)})

    return naive.compiled(logits_of)


def rows_of(task, texts, limit, stop_token_ids=()):
    """Token ids as the naive loop makes them."""
    encode = task.preprocessor.tokenizer.encode
    return [
        naive.generate(compiled(task), encode(text), limit, stop_token_ids, pad_to=MAXIMUM)
        for text in texts
    ]


def decode(task, ids):
    return task.preprocessor.tokenizer.detokenize(ids, skip_special_tokens=True)


def test_a_text_gives_a_text_and_a_list_a_list(task):
    expected = [decode(task, row) for row in rows_of(task, TEXTS, 40)]
    options = {"stop_token_ids": None}
    assert task.generate(TEXTS, **options) == expected
    assert task.generate(np.array(TEXTS), **options) == expected
    assert task.generate(TEXTS[1], **options) == expected[1]
    assert task.generate([TEXTS[1]], **options) == expected[1:2]
    assert task.generate([], **options) == []
    assert expected[1].startswith(TEXTS[1])


def test_limits(task):
    encode = task.preprocessor.tokenizer.encode
    lengths = [len(encode(text)) for text in TEXTS]
    rows = rows_of(task, TEXTS, MAXIMUM)

    def expect(limits):
        return [decode(task, row[:limit]) for row, limit in zip(rows, limits, strict=True)]

    def generate(**options):
        return task.generate(TEXTS, stop_token_ids=None, **options)

    assert generate(max_length=33) == expect([33] * 3)
    assert generate(max_length=MAXIMUM) == expect([MAXIMUM] * 3)
    assert generate(max_new_tokens=3) == expect([length + 3 for length in lengths])
    assert generate(max_new_tokens=10**6) == expect([MAXIMUM] * 3)
    longest = max(lengths)
    assert generate(max_new_tokens=9, max_length=longest + 1) == expect(
        [min(length + 9, longest + 1) for length in lengths]
    )


def test_the_prompt_can_be_left_out(task):
    rows = rows_of(task, TEXTS, 40)
    starts = [len(task.preprocessor.tokenizer.encode(text)) for text in TEXTS]
    assert task.generate(TEXTS, stop_token_ids=None, strip_prompt=True) == [
        decode(task, row[start:]) for row, start in zip(rows, starts, strict=True)
    ]


def test_a_chat_gives_the_reply_alone(task):
    prompt = "<user>A horn?<assistant>"
    (row,) = rows_of(task, [prompt], 40)
    reply = decode(task, row[len(task.preprocessor.tokenizer.encode(prompt)) :])
    assert task.generate(CHAT, stop_token_ids=None) == reply
    assert task.generate([CHAT, CHAT], stop_token_ids=None) == [reply, reply]
    assert "".join(task.generate(CHAT, stop_token_ids=None, stream=True)) == reply
    with pytest.raises(GenerationError, match="list of chats holds something else"):
        task.generate([CHAT, "A horn"])


@pytest.mark.parametrize(
    "inputs", [TEXTS, TEXTS[1], CHAT, [CHAT]], ids=["texts", "text", "chat", "chats"]
)
@pytest.mark.parametrize("strip_prompt", [False, True])
def test_pieces_of_the_stream_make_up_the_whole(task, inputs, strip_prompt):
    options = {
        "sampler": samplers.RandomSampler(seed=3),
        "max_new_tokens": 12,
        "strip_prompt": strip_prompt,
    }
    whole = task.generate(inputs, **options)
    pieces = list(task.generate(inputs, stream=True, **options))
    if isinstance(whole, str):
        assert "".join(pieces) == whole
        assert len(pieces) > 2
        assert all(pieces)
    else:
        assert ["".join(column) for column in zip(*pieces, strict=True)] == whole


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "deleted"])
@pytest.mark.parametrize("inputs", [TEXTS, TEXTS[1]], ids=["texts", "text"])
def test_a_stream_that_is_left_computes_no_further_token(task, monkeypatch, inputs, is_closed):
    task.generate(inputs, max_new_tokens=2, stop_token_ids=None)  # makes the programs
    computed, ended = [], []

    def counted(decode):
        return lambda state, steps, values: computed.append(steps) or decode(state, steps, values)

    def watched(*args, stream=task.engine.stream, **options):
        try:
            yield from stream(*args, **options)
        finally:
            ended.append(sum(computed))

    for program in task.engine._programs.values():
        monkeypatch.setattr(program, "decode", counted(program.decode))
    monkeypatch.setattr(task.engine, "stream", watched)
    stream = task.generate(inputs, max_length=MAXIMUM, stop_token_ids=None, stream=True)
    next(stream)  # the prompt
    assert computed == []
    next(stream), next(stream)
    count = sum(computed)
    assert 0 < count < 8
    assert ended == []
    if is_closed:
        stream.close()
        assert next(stream, None) is None
    else:
        del stream
    assert ended == [count]
    assert sum(computed) == count


def test_a_stream_ends_with_what_is_left_of_a_character(task):
    """Rows end in the middle of a character, and a row that is done gives nothing more."""
    tokenizer = task.preprocessor.tokenizer
    prompts = read_prompts(task.preprocessor, ["A", "z"], 40)
    heart = [tokenizer.token_to_id(token) for token in "âĻ"]  # the first two of its three bytes
    horn = tokenizer.encode(" horn")
    steps = [
        GeneratedStep(np.array([heart[0], horn[0]]), np.array([True, True])),
        GeneratedStep(np.array([heart[1], horn[0]]), np.array([True, False])),
    ]
    texts = TextRows(tokenizer, prompts, prompts.lengths * 0)
    pieces = list(stream_texts(texts, (step for step in steps if texts.push(step) is not None)))
    rows = [prompts.token_ids[0].tolist() + heart, prompts.token_ids[1].tolist() + horn[:1]]
    assert ["".join(row) for row in zip(*pieces, strict=True)] == decode(task, rows)
    assert pieces[-1][0].endswith("\ufffd")


def test_stop_tokens(task):
    tokenizer = task.preprocessor.tokenizer
    free = rows_of(task, TEXTS, 40)
    stop = free[0][-4]
    expected = [decode(task, row) for row in rows_of(task, TEXTS, 40, [stop])]
    assert expected[0] != decode(task, free[0])
    assert task.generate(TEXTS, stop_token_ids=[stop]) == expected
    assert task.generate(TEXTS, stop_token_ids=stop) == expected

    ended = [decode(task, row) for row in rows_of(task, TEXTS, 40, [tokenizer.end_token_id])]
    assert task.generate(TEXTS) == ended
    for eos in (stop, [stop, tokenizer.end_token_id]):
        task.generation_config = {"eos_token_id": eos}
        both = rows_of(task, TEXTS, 40, np.atleast_1d(eos))
        assert task.generate(TEXTS) == [decode(task, row) for row in both]
    task.generation_config = {}


def test_token_ids_give_token_ids(task, bare):
    inputs = task.preprocessor.generate_preprocess(TEXTS, sequence_length=36)
    rows = rows_of(task, TEXTS, 36)
    outputs = bare.generate(inputs, stop_token_ids=None)
    assert outputs["token_ids"].tolist() == rows
    assert outputs["padding_mask"].all()
    assert outputs["token_ids"].dtype == np.int32
    tensors = {key: keras.ops.convert_to_tensor(value) for key, value in inputs.items()}
    assert bare.generate(tensors, stop_token_ids=None)["token_ids"].tolist() == rows

    stop = rows[0][20]
    stopped = rows_of(task, TEXTS, 36, [stop])
    outputs = bare.generate(inputs, stop_token_ids=[stop])
    assert outputs["token_ids"].shape == outputs["padding_mask"].shape == (3, 36)
    assert outputs["padding_mask"].sum(axis=1).tolist() == [len(row) for row in stopped]
    for row, mask, wanted in zip(*outputs.values(), stopped, strict=True):
        assert row[mask].tolist() == wanted
        assert not row[~mask].any()

    single = {key: value[1] for key, value in inputs.items()}
    assert bare.generate(single, stop_token_ids=None)["token_ids"].tolist() == rows[1]
    assert bare.generate(inputs, max_length=40, stop_token_ids=None)["token_ids"].shape == (3, 40)


def test_token_ids_without_the_prompt(task, bare):
    inputs = task.preprocessor.generate_preprocess(TEXTS, sequence_length=36)
    whole = bare.generate(inputs, stop_token_ids=None)["token_ids"]
    outputs = bare.generate(inputs, stop_token_ids=None, strip_prompt=True)
    lengths = inputs["padding_mask"].sum(axis=1)
    for row, mask, full, length in zip(*outputs.values(), whole, lengths, strict=True):
        assert row[mask].tolist() == full[length:].tolist()


def test_a_dataset_of_texts(task):
    tf = pytest.importorskip("tensorflow")
    expected = task.generate(TEXTS)
    assert task.generate(tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)) == expected
    assert task.generate(tf.data.Dataset.from_tensor_slices(TEXTS)) == expected
    assert task.generate(tf.constant(TEXTS)) == expected


def test_samplers_and_seeds(task):
    hot = samplers.RandomSampler(temperature=2.0)
    assert task.sampler.get_config() == {}
    one = task.generate("A", sampler=hot, seed=1)
    assert one == task.generate("A", sampler=hot, seed=1)
    assert one != task.generate("A", sampler=hot, seed=2)
    assert task.generate("A", sampler="greedy") == task.generate("A")


def test_all_beams(task, bare):
    options = {"max_length": 36, "stop_token_ids": None}
    best = task.generate(TEXTS, sampler="beam", **options)
    every = samplers.BeamSampler(return_all_beams=True)
    texts = task.generate(TEXTS, sampler=every, **options)
    assert [len(row) for row in texts] == [5, 5, 5]
    assert [row[0] for row in texts] == best
    assert task.generate(TEXTS[1], sampler=every, **options) == texts[1]
    assert "".join(task.generate(TEXTS[1], sampler="beam", stream=True, **options)) == best[1]
    inputs = task.preprocessor.generate_preprocess(TEXTS, sequence_length=36)
    outputs = bare.generate(inputs, sampler=every, **options)
    assert outputs["token_ids"].shape == outputs["padding_mask"].shape == (3, 5, 36)
    assert [decode(task, beams) for beams in outputs["token_ids"]] == texts
    single = {key: value[2] for key, value in inputs.items()}
    outputs = bare.generate(single, sampler=every, **options)
    assert decode(task, outputs["token_ids"]) == texts[2]


def test_compile_takes_a_sampler(task):
    clone = GPT2CausalLM(task.backbone, task.preprocessor)
    assert clone.sampler.get_config()["k"] == 5
    optimizer, loss = clone.optimizer, clone.loss
    clone.compile(sampler=samplers.TopPSampler(p=0.3))
    assert clone.sampler.p == 0.3
    assert clone.optimizer is optimizer
    clone.compile(optimizer="sgd")
    assert clone.sampler.p == 0.3
    assert type(clone.optimizer).__name__ == "SGD"
    assert type(clone.loss) is type(loss)
    with pytest.raises(GenerationError, match="no sampler"):
        clone.compile(sampler="gready")


def mask_of(*rows):
    return {"token_ids": np.ones((len(rows), len(rows[0]))), "padding_mask": np.array(rows)}


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (TEXTS, {"max_length": 3}, "A prompt has .* tokens"),
        (TEXTS, {"max_length": 49}, "max_length is 49, but the model has 48"),
        (CHAT, {"max_length": 3}, "A prompt has .* but the maximum length is 3"),
        ("A", {"max_new_tokens": 0}, "max_new_tokens is 0"),
        ("", {}, "at least one token"),
        ("A", {"stop_token_ids": "end"}, "'end'"),
        (mask_of([0, 1]), {}, "padding before tokens"),
        (mask_of([1, 0]), {"stream": True}, "engine.stream"),
        ({"token_ids": [[1]]}, {"max_length": 3}, "no .*padding_mask"),
    ],
)
def test_what_cannot_be_done(task, inputs, options, message):
    with pytest.raises(GenerationError, match=message):
        task.generate(inputs, **options)


def test_a_model_without_tokenizer(bare):
    with pytest.raises(GenerationError, match="no tokenizer"):
        bare.generate("A", stop_token_ids=None)
    with pytest.raises(GenerationError, match='stop_token_ids="auto"'):
        bare.generate(mask_of([1, 0]))
