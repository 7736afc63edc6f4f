"""`hornbook generate` with a model that is tiny but real."""

import io
import sys

import pytest

from cli.conftest import load_once
from hornbook.samplers import (
    BeamSampler,
    ContrastiveSampler,
    FrequencyPenalty,
    GreedySampler,
    NoRepeatNGrams,
    PresencePenalty,
    RepetitionPenalty,
    TopKSampler,
)

PROMPT = "The cat sat"

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_the_continuation_goes_to_stdout_and_the_speed_to_stderr(hornbook, tiny_model):
    outcome = hornbook("generate", tiny_model, PROMPT, "--max-new-tokens", 8, "--sampler", "greedy")
    assert outcome.status == 0
    assert outcome.out
    assert PROMPT not in outcome.out
    assert " tokens" in outcome.err


def test_streamed_whole_and_json_are_the_same_text(hornbook, tiny_model):
    options = (PROMPT, "--max-new-tokens", 8, "--sampler", "greedy")
    streamed = hornbook("generate", tiny_model, *options).out
    whole = hornbook("generate", tiny_model, *options, "--no-stream").out
    result = hornbook("generate", tiny_model, *options, "--json").json()
    assert streamed == whole == result["text"] + "\n"
    assert result["prompt"] == PROMPT
    assert result["prompt_tokens"] == len(PROMPT)
    assert 1 <= result["new_tokens"] <= 8
    assert result["tokens_per_second"] is None or result["tokens_per_second"] > 0


def test_a_seed_makes_chance_repeatable(hornbook, tiny_model):
    def text(seed):
        options = ("--max-new-tokens", 12, "--temperature", 1.5, "--seed", seed, "--json")
        return hornbook("generate", tiny_model, PROMPT, *options).json()["text"]

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_the_prompt_can_come_from_stdin(hornbook, tiny_model, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROMPT))
    result = hornbook("generate", tiny_model, "-", "--max-new-tokens", 2, "--json").json()
    assert result["prompt"] == PROMPT


def test_it_ends_before_a_stop_string(hornbook, tiny_model):
    options = ("--max-new-tokens", 20, "--seed", 5, "--temperature", 1.5)
    whole = hornbook("generate", tiny_model, PROMPT, *options).out[:-1]
    stop = whole[4:6]
    for shown in ("--stream", "--no-stream"):
        outcome = hornbook(
            "generate", tiny_model, PROMPT, *options, shown, "--stop", "never there", "--stop", stop
        )
        assert outcome.out == whole[: whole.index(stop)] + "\n"
    assert "6 tokens" in outcome.err


def test_a_draft_changes_nothing_but_the_speed(hornbook, tiny_model):
    options = (PROMPT, "--max-new-tokens", 20, "--sampler", "greedy")
    alone = hornbook("generate", tiny_model, *options).out
    for draft in ("prompt_lookup", tiny_model):
        outcome = hornbook("generate", tiny_model, *options, "--draft", draft)
        assert outcome.out == alone
        assert "tokens/s" in outcome.err


@pytest.mark.parametrize(
    ("options", "sampler"),
    [
        (["--num-beams", 3, "--length-penalty", 2], BeamSampler(3, length_penalty=2.0)),
        (["--alpha", 0.8, "--top-k", 4], ContrastiveSampler(4, 0.8)),
        (
            ["--sampler", "greedy", "--repetition-penalty", 1.3, "--no-repeat-ngrams", 2],
            GreedySampler(transforms=[RepetitionPenalty(1.3), NoRepeatNGrams(2)]),
        ),
        (
            ["--frequency-penalty", 0.7, "--presence-penalty", 0.9],
            TopKSampler(transforms=[FrequencyPenalty(0.7), PresencePenalty(0.9)]),
        ),
    ],
)
def test_options_give_what_the_library_gives(hornbook, tiny_model, options, sampler):
    model = load_once(str(tiny_model), None)
    given = model.generate(PROMPT, max_new_tokens=12, sampler=sampler, seed=3)
    arguments = ("--max-new-tokens", 12, "--seed", 3, *options)
    assert hornbook("generate", tiny_model, PROMPT, *arguments).out == f"{given[len(PROMPT) :]}\n"


def test_what_does_not_go_together_is_refused_before_anything_is_loaded(hornbook):
    for command in (["generate", "nowhere", PROMPT], ["chat", "nowhere"]):
        outcome = hornbook(*command, "--num-beams", 2, "--min-p", 0.5)
        assert outcome.status == 2
        assert "--min-p, --num-beams can't be used with one sampler" in outcome.err
        assert "nowhere" not in outcome.err


def test_it_stops_at_the_end_of_the_context(hornbook, tiny_model):
    options = ("--max-new-tokens", 1000, "--sampler", "greedy", "--json")
    result = hornbook("generate", tiny_model, "a" * 60, *options).json()
    assert result["new_tokens"] <= 4


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["a" * 64], 1, "64 tokens"),
        ([PROMPT, "--top-k", 2, "--sampler", "greedy"], 2, "--top-k can't be used"),
        ([PROMPT, "--max-new-tokens", 0], 2, "--max-new-tokens"),
        ([PROMPT, "--dtype", "int4"], 2, "--dtype"),
        ([PROMPT, "--sampler", "beam", "--draft", "prompt_lookup"], 2, "leave the draft out"),
        ([PROMPT, "--num-beams", 2, "--top-p", 0.5], 2, "--num-beams, --top-p can't be used"),
        ([PROMPT, "--frequency-penalty", "nan"], 2, "--frequency-penalty: penalty is nan"),
        ([PROMPT, "--no-repeat-ngrams", 0], 2, "--no-repeat-ngrams"),
    ],
)
def test_what_can_not_be_done_is_one_message(hornbook, tiny_model, options, status, message):
    outcome = hornbook("generate", tiny_model, *options)
    assert (outcome.status, outcome.out) == (status, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_a_model_without_a_tokenizer_is_refused(hornbook, tiny_model, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model / name).read_bytes())
    outcome = hornbook("generate", tmp_path, PROMPT)
    assert outcome.status == 1
    assert "has no tokenizer" in outcome.err
