"""Rows that end early: at stop strings, at limits of their own, and because someone says so."""

from itertools import pairwise

import numpy as np
import pytest

from generation.tiny_task import TEXTS
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.text_stream import StopStringFinder
from hornbook.models import GPT2CausalLM

SAMPLER = samplers.RandomSampler(seed=3)
OPTIONS = {"sampler": SAMPLER, "max_new_tokens": 16, "stop_token_ids": None}


def cut(text, stop_strings):
    """The text before the stop string that is complete first, read letter by letter."""
    for end in range(len(text) + 1):
        found = [stop for stop in stop_strings if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


def test_the_finder_reads_pieces_as_letters():
    random = np.random.default_rng(0)

    def word(longest):
        return "".join(random.choice(list("abc"), size=random.integers(1, longest)))

    for _ in range(300):
        stops = [word(5) for _ in range(random.integers(1, 4))]
        pieces = [word(5) for _ in range(random.integers(1, 9))]
        expected, found = cut("".join(pieces), stops)
        finder, given, seen = StopStringFinder(stops), "", ""
        for piece in pieces:
            given, seen = given + finder.push(piece), seen + piece
            assert expected.startswith(given)
            held = seen.removeprefix(given)
            assert finder.found or not held or any(stop.startswith(held) for stop in stops)
        assert given + finder.finish() == expected
        assert finder.found == found


@pytest.fixture(scope="module")
def pieces(task):
    """The first text's continuation, a piece for each token."""
    pieces = list(task.generate(TEXTS[0], stream=True, strip_prompt=True, **OPTIONS))
    assert len(pieces) > 8
    return pieces


@pytest.fixture(scope="module")
def stop(pieces):
    """A stop string in the middle of the continuation, of parts of two tokens."""
    first, second = next(pair for pair in pairwise(pieces[3:]) if "\ufffd" not in "".join(pair))
    return first[-1] + second[0]


def without(text, prompt, stop_strings):
    return prompt + cut(text.removeprefix(prompt), stop_strings)[0]


def test_texts_end_before_a_stop_string(task, stop):
    free = task.generate(TEXTS, **OPTIONS)
    expected = [without(row, text, [stop]) for row, text in zip(free, TEXTS, strict=True)]
    assert expected[0] != free[0]
    assert task.generate(TEXTS, stop_strings=stop, **OPTIONS) == expected
    assert task.generate(TEXTS, stop_strings=["not there", stop], **OPTIONS) == expected
    assert task.generate(TEXTS[0], stop_strings=[stop], **OPTIONS) == expected[0]
    stripped = [row.removeprefix(text) for row, text in zip(expected, TEXTS, strict=True)]
    assert task.generate(TEXTS, stop_strings=stop, strip_prompt=True, **OPTIONS) == stripped
    assert task.generate(TEXTS, stop_strings="not there", **OPTIONS) == free


def test_a_stream_gives_nothing_of_a_stop_string(task, stop):
    for prompts in (TEXTS[0], TEXTS):
        whole = task.generate(prompts, stop_strings=stop, **OPTIONS)
        pieces = list(task.generate(prompts, stop_strings=stop, stream=True, **OPTIONS))
        if isinstance(whole, str):
            assert "".join(pieces) == whole
        else:
            assert ["".join(row) for row in zip(*pieces, strict=True)] == whole


def test_what_looked_like_a_stop_string_is_given_in_the_end(task, pieces):
    text = "".join(pieces)
    stop = text[-2:] + "and more"
    assert task.generate(TEXTS[0], stop_strings=stop, **OPTIONS) == TEXTS[0] + text
    streamed = task.generate(TEXTS[0], stop_strings=stop, stream=True, **OPTIONS)
    assert "".join(streamed) == TEXTS[0] + text


def count_steps(engine, monkeypatch):
    """How many tokens each call makes, as a list that grows."""
    counts = []
    for program in engine._programs.values():

        def decode(state, steps, values, decode=program.decode):
            counts.append(steps)
            return decode(state, steps, values)

        monkeypatch.setattr(program, "decode", decode)
    return counts


def test_no_step_is_taken_after_the_last_row_stopped(task, pieces, stop, monkeypatch):
    prompt, options = TEXTS[0], {**OPTIONS, "max_new_tokens": 40, "stop_strings": stop}
    count = len(task.preprocessor.tokenizer.encode(prompt))
    assert count + 16 < 40
    task.generate(prompt, **options)
    counts = count_steps(task.engine, monkeypatch)
    list(task.generate(prompt, stream=True, **options))
    needed = len(counts)
    assert needed < 25
    counts.clear()
    task.generate(prompt, **options)
    assert sum(counts) < needed + 8


def test_token_ids_end_with_the_one_that_completes_the_stop_string(task, stop):
    inputs = task.preprocessor.generate_preprocess(TEXTS, sequence_length=36)
    free = task.generate(inputs, max_length=36, sampler=SAMPLER, stop_token_ids=None)
    ended = task.generate(
        inputs, max_length=36, sampler=SAMPLER, stop_token_ids=None, stop_strings=stop
    )
    detokenize = task.preprocessor.tokenizer.detokenize
    for row, mask, whole, prompt in zip(*ended.values(), free["token_ids"], TEXTS, strict=True):
        kept = row[mask]
        np.testing.assert_array_equal(kept, whole[: len(kept)])
        assert cut(detokenize(kept).removeprefix(prompt), [stop])[1] == (len(kept) < 36)
        before = detokenize(kept[:-1]).removeprefix(prompt).rstrip("\ufffd")  # half a character
        assert not cut(before, [stop])[1]


def test_rows_have_limits_of_their_own(task):
    longest = task.generate(TEXTS, **OPTIONS, strip_prompt=True)
    alone = [
        task.generate(TEXTS, **{**OPTIONS, "max_new_tokens": count}, strip_prompt=True)[row]
        for row, count in enumerate((3, 16, 1))
    ]
    counts = {**OPTIONS, "max_new_tokens": [3, 16, 1]}
    assert task.generate(TEXTS, **counts, strip_prompt=True) == alone
    assert alone[1] == longest[1]
    assert alone[0] != longest[0]
    pieces = task.generate(TEXTS, **counts, strip_prompt=True, stream=True)
    assert ["".join(row) for row in zip(*pieces, strict=True)] == alone


def test_the_engine_ends_the_rows_that_a_stopper_names(engine, prompts):
    """At different lengths, in the middle of what is made at a time; the others go on."""
    lengths = np.array([len(prompt) for prompt in prompts])
    token_ids = np.zeros((4, 16), "int32")
    for row, prompt in zip(token_ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    options = {"limits": 40, "sampler": SAMPLER}
    free = engine.generate(token_ids, lengths, **options)
    wanted = np.array([3, 99, 12, 1])

    def stopper_after(counts):
        made = np.zeros(4, int)

        def stopper(step):
            made[:] += step.active
            return made >= counts

        return stopper

    stopped = engine.generate(token_ids, lengths, stopper=stopper_after(wanted), **options)
    ends = np.minimum(lengths + wanted, 40)
    assert stopped.lengths.tolist() == ends.tolist()
    for row, whole, end in zip(stopped.token_ids, free.token_ids, ends, strict=True):
        np.testing.assert_array_equal(row[:end], whole[:end])
        assert not row[end:].any()
    steps = list(engine.stream(token_ids, lengths, stopper=stopper_after(wanted), **options))
    active = np.sum([step.active for step in steps], axis=0)
    assert (lengths + active).tolist() == ends.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop_strings": ["a", ""]}, "none of them empty"),
        ({"stop_strings": [7]}, "token ids go into stop_token_ids"),
        ({"max_new_tokens": [1, 2]}, "2 numbers for 3 prompts"),
        ({"max_new_tokens": [1, 2, 0]}, "expected 1 or more"),
        (
            {"stop_strings": "a", "sampler": samplers.BeamSampler(2, return_all_beams=True)},
            "can't be stopped",
        ),
    ],
)
def test_what_cannot_be_stopped(task, options, message):
    with pytest.raises(GenerationError, match=message):
        task.generate(TEXTS, **options)


def test_strings_need_a_tokenizer(task):
    bare = GPT2CausalLM(task.backbone)
    inputs = {"token_ids": np.array([[1, 2]]), "padding_mask": np.array([[1, 1]])}
    with pytest.raises(GenerationError, match="no tokenizer"):
        bare.generate(inputs, max_length=9, stop_token_ids=None, stop_strings="a")
