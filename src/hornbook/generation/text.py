"""Generation from what people have, texts and chats, to what they want: the same, continued."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.engine import Engine
from hornbook.generation.prompts import Prompts, is_dataset, kind_of, read_prompts
from hornbook.generation.speculation import DRAFT_TOKENS, SpeculativeSampler
from hornbook.generation.text_stream import TextRows, read_stop_strings, stream_texts

StopTokenIds = Sequence[int] | int | Literal["auto"] | None


class TextModel(Protocol):
    """What text generation needs of a task."""

    backbone: Any
    preprocessor: Any
    sampler: samplers.Sampler
    generation_config: dict[str, Any]

    @property
    def engine(self) -> Engine:
        """The engine that runs the task."""


@dataclass(frozen=True)
class TextOptions:
    """How texts are continued.

    Attributes:
        max_length: the length of the result in tokens, prompt included. By default the width of
            given token ids, else the preprocessor's `sequence_length`.
        max_new_tokens: how many tokens are made at most, in all rows or in each; both limits hold
            if both are given.
        stop_token_ids: tokens to stop after. "auto" takes those of the checkpoint, else the
            tokenizer's end token; None stops for the length alone.
        stop_strings: a text, or several, before which a generated text ends, wherever the borders
            of its tokens are. The stop string is left out; where the result is token ids, they end
            with the token that made it complete.
        strip_prompt: return only what was generated, as is always done for chats.
        sampler: instead of the task's.
        seed: of the random numbers; None takes the sampler's.
        batch_size: how many prompts run at a time, the next one as soon as one is done; None runs
            all at once.
        draft: guesses tokens, which the task's model checks several at a time: a smaller task with
            the same vocabulary, or "prompt_lookup", which guesses while texts repeat what they say.
        draft_tokens: how many tokens are guessed at a time.
    """

    max_length: int | None = None
    max_new_tokens: int | Sequence[int] | None = None
    stop_token_ids: StopTokenIds = "auto"
    stop_strings: str | Sequence[str] | None = None
    strip_prompt: bool = False
    sampler: Any = None
    seed: int | None = None
    batch_size: int | None = None
    draft: Any = None
    draft_tokens: int = DRAFT_TOKENS


def generate_text(
    task: TextModel, inputs: Any, options: TextOptions | None = None, stream: bool = False
) -> Any:
    """Continues prompts.

    Args:
        task: a language model.
        inputs: a text or several, a chat (a list of `{"role", "content"}` messages) or several, a
            `tf.data.Dataset` of texts, or `{"token_ids", "padding_mask"}`.
        options: how.
        stream: return an iterator of pieces of text instead, whole characters each, which put
            together equal the result; for several prompts, of lists with a piece (that may be
            empty) for each. Closing it stops the work. With beam search the text comes at once,
            when it is final.

    Returns:
        Text for a text or a chat, a list of texts for several. For token ids a dict of arrays
        [batch, max_length]: `token_ids` int32 and `padding_mask` bool, true up to the stop token.
        From beam search that gives all beams, a list of texts for each, best first, or arrays
        [batch, beams, max_length].

    Raises:
        GenerationError: when a prompt is longer than the limit, or the limit than the model's.
    """
    options = options or TextOptions()
    if is_dataset(inputs):
        if stream:
            raise GenerationError("A dataset can't be streamed; give the texts in a list")
        return _over_dataset(task, inputs, options)
    if isinstance(inputs, list | tuple) and not inputs:
        return iter(()) if stream else []
    maximum = maximum_length(task, inputs, options.max_length, options.max_new_tokens)
    prompts = read_prompts(task.preprocessor, inputs, maximum)
    if stream and prompts.kind == "ids":
        raise GenerationError("Token ids can't be streamed as text; use engine.stream")
    cut = options.strip_prompt or prompts.kind == "chat"
    starts = prompts.lengths if cut else prompts.lengths * 0
    sampler = task.sampler if options.sampler is None else options.sampler
    engine, sampler = drafted(task.engine, sampler, options.draft, options.draft_tokens)
    request = {
        "limits": row_limits(prompts, maximum, options.max_new_tokens),
        "sampler": sampler,
        "stop_token_ids": resolve_stop_token_ids(task, options.stop_token_ids),
        "seed": options.seed,
        "batch_size": options.batch_size,
    }
    check_draft_positions(options.draft, int(request["limits"].max()))
    strings = read_stop_strings(options.stop_strings)
    if not stream and not strings:
        return _whole(task, engine, prompts, starts, request)
    return _watched(task, engine, prompts, starts, request, strings, stream)


def drafted(engine: Engine, sampler: Any, draft: Any, draft_tokens: int) -> tuple[Engine, Any]:
    """The engine and the sampler that use a draft, or those given if there is none.

    Args:
        engine: of the model.
        sampler: a sampler, or what `samplers.get` takes.
        draft: None, "prompt_lookup", or a smaller model.
        draft_tokens: how many tokens are guessed at a time.

    Raises:
        GenerationError: when it is none of these, or doesn't fit to the sampler or the model.
    """
    if draft is None:
        return engine, sampler
    if draft_tokens < 1:
        raise GenerationError(f"draft_tokens is {draft_tokens}; expected 1 or more")
    if isinstance(draft, str):
        if draft != "prompt_lookup":
            raise GenerationError(
                f"draft is {draft!r}; expected 'prompt_lookup' or a model, as from_preset gives it"
            )
        return engine, SpeculativeSampler(samplers.get(sampler), PromptLookup(), draft_tokens)
    sampler = SpeculativeSampler(samplers.get(sampler), ModelDraft(), draft_tokens)
    return engine.with_draft(draft), sampler


def check_draft_positions(draft: Any, limit: int) -> None:
    """Raises a `GenerationError` when a draft model is too short for the limit."""
    if draft is None or isinstance(draft, str):
        return
    positions = draft.backbone.config.max_sequence_length
    if positions < limit:
        raise GenerationError(
            f"{limit} positions are asked for, but the draft has {positions}; give a smaller "
            "max_length, or another draft"
        )


def _watched(
    task: TextModel,
    engine: Engine,
    prompts: Prompts,
    starts: np.ndarray,
    request: dict[str, Any],
    stop_strings: Sequence[str],
    stream: bool,
) -> Any:
    """Generates while the text is read, for a stream or because of stop strings."""
    if task.preprocessor is None:
        raise GenerationError(
            "This model has no tokenizer, so it can't know stop_strings; give it stop_token_ids"
        )
    rows = TextRows(task.preprocessor.tokenizer, prompts, starts, stop_strings)
    request = {"stopper": rows.push, **request}
    if stream:
        return stream_texts(rows, engine.stream(prompts.token_ids, prompts.lengths, **request))
    result = _whole(task, engine, prompts, starts, request)
    if prompts.kind == "ids":
        return result
    rows.finish()
    return rows.take() if prompts.batched else rows.take()[0]


def _whole(
    task: TextModel,
    engine: Engine,
    prompts: Prompts,
    starts: np.ndarray,
    request: dict[str, Any],
) -> Any:
    output = engine.generate(prompts.token_ids, prompts.lengths, **request)
    shape = output.lengths.shape  # [batch], or [batch, sequences] where all beams are wanted
    token_ids = output.token_ids.reshape(-1, output.token_ids.shape[-1])
    lengths = output.lengths.reshape(-1)
    starts = np.repeat(starts, len(lengths) // len(starts))
    if prompts.kind == "ids":
        pad = 0 if task.preprocessor is None else task.preprocessor.pad_token_id
        arrays = _ids_result(token_ids, starts, lengths, int(request["limits"].max()), pad)
        arrays = {name: table.reshape(*shape, -1) for name, table in arrays.items()}
        return arrays if prompts.batched else {name: table[0] for name, table in arrays.items()}
    places = np.arange(token_ids.shape[1])
    mask = (places >= starts[:, None]) & (places < lengths[:, None])
    texts = task.preprocessor.generate_postprocess({"token_ids": token_ids, "padding_mask": mask})
    results = np.array(texts, dtype=object).reshape(shape).tolist()
    return results if prompts.batched else results[0]


def row_limits(
    prompts: Prompts, maximum: int, max_new_tokens: int | Sequence[int] | None
) -> np.ndarray:
    """The length at which each row is done, prompt included: int32 [batch].

    Raises:
        GenerationError: when there are numbers for more or fewer rows.
    """
    limits = np.full_like(prompts.lengths, maximum)
    if max_new_tokens is None:
        return limits
    numbers = np.asarray(max_new_tokens, np.int32)
    if numbers.shape not in ((), limits.shape):
        raise GenerationError(
            f"max_new_tokens has {numbers.size} numbers for {len(limits)} prompts; expected one "
            "for all of them, or one for each"
        )
    return np.minimum(limits, prompts.lengths + numbers)


def maximum_length(
    task: TextModel,
    inputs: Any,
    max_length: int | None,
    max_new_tokens: int | Sequence[int] | None,
) -> int:
    """How many tokens a row may have, prompt included."""
    limit = int(task.backbone.config.max_sequence_length)
    for name, value in (("max_length", max_length), ("max_new_tokens", max_new_tokens)):
        if value is not None and np.min(value) < 1:
            raise GenerationError(f"{name} is {value}; expected 1 or more")
    if max_length is not None:
        if max_length > limit:
            raise GenerationError(
                f"max_length is {max_length}, but the model has {limit} positions; ask for that at "
                "most"
            )
        return max_length
    if max_new_tokens is not None:
        return limit
    if kind_of(inputs) == "ids" and "token_ids" in inputs:
        return int(inputs["token_ids"].shape[-1])
    return limit if task.preprocessor is None else min(limit, task.preprocessor.sequence_length)


def resolve_stop_token_ids(task: TextModel, stop_token_ids: StopTokenIds) -> tuple[int, ...]:
    """The tokens to stop after; "auto" looks them up."""
    if stop_token_ids is None:
        return ()
    if isinstance(stop_token_ids, str):
        if stop_token_ids != "auto":
            raise GenerationError(
                f"stop_token_ids is {stop_token_ids!r}; expected token ids, 'auto' or None"
            )
        stop_token_ids = task.generation_config.get("eos_token_id")
        if stop_token_ids is None and task.preprocessor is None:
            raise GenerationError(
                'stop_token_ids="auto" needs a tokenizer to know them from, and this model has '
                "none; give the ids, or None to stop for the length alone"
            )
        if stop_token_ids is None:
            stop_token_ids = task.preprocessor.tokenizer.end_token_id
        if stop_token_ids is None:
            return ()
    ids = np.atleast_1d(np.asarray(stop_token_ids))
    return tuple(int(token_id) for token_id in ids)


def _ids_result(
    tokens: np.ndarray, starts: np.ndarray, lengths: np.ndarray, width: int, pad: int
) -> dict[str, np.ndarray]:
    token_ids = np.full((len(starts), width), pad, dtype=np.int32)
    mask = np.zeros(token_ids.shape, dtype=bool)
    for row, (start, end) in enumerate(zip(starts, lengths, strict=True)):
        token_ids[row, : end - start] = tokens[row, start:end]
        mask[row, : end - start] = True
    return {"token_ids": token_ids, "padding_mask": mask}


def _over_dataset(task: TextModel, dataset: Any, options: TextOptions) -> list[str]:
    def results() -> Iterator[str]:
        for batch in dataset.as_numpy_iterator():
            texts = generate_text(task, batch, options)
            yield from [texts] if isinstance(texts, str) else texts

    return list(results())
