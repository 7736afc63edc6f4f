"""Models in bfloat16, whose steps the drivers run in forms of their own on the CPU."""

import re
from importlib import import_module

import keras
import numpy as np
import pytest
from keras import ops

from generation.custom_samplers import NotForXLA, OwnChance, SharedChance, assert_moves_on
from hornbook import samplers
from hornbook.backbones.adaptation import quantize
from hornbook.errors import HornbookWarning
from hornbook.generation import Engine
from hornbook.generation.drafts import PromptLookup
from hornbook.generation.speculation import SpeculativeSampler
from hornbook.models import MistralBackbone, MistralCausalLM, MixtralBackbone, MixtralCausalLM
from hornbook.native import operations
from hornbook.native.processor import this_processor
from hornbook.native.scope import SWITCH

SIZES = {
    "vocabulary_size": 50, "num_layers": 2, "num_query_heads": 4, "num_key_value_heads": 2,
    "hidden_dim": 64, "intermediate_dim": 24, "max_sequence_length": 600, "initializer_range": 0.5,
}  # fmt: skip
CLOSE = 0.05
"""Of the distance between the likeliest token and the least likely one: bfloat16's roundings."""


def causal_lm(dtype="bfloat16", window=None):
    return MistralCausalLM(MistralBackbone(**SIZES, sliding_window=window, dtype=dtype))


@pytest.fixture(scope="module")
def model():
    return causal_lm()


def prompts(*lengths):
    random = np.random.default_rng(1)
    rows = [random.integers(3, 50, length).astype("int32") for length in lengths]
    table = np.zeros((len(rows), max(lengths)), "int32")
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table, np.array(lengths, "int32")


def loops(engine):
    """How often a loop was compiled by XLA, and how often the other form: a graph or a step."""
    programs = engine._programs.values()
    if keras.backend.backend() == "tensorflow":
        pairs = [(program._xla_decode, program._plain_decode) for program in programs]
        counts = [[form.experimental_get_tracing_count() for form in pair] for pair in pairs]
    else:
        pairs = [(program._decode, program._step) for program in programs]
        counts = [[form._cache_size() for form in pair] for pair in pairs]
    return tuple(map(sum, zip(*counts, strict=True)))


compiles = pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch compiles nothing")


def assert_likeliest(model, rows, lengths, starts):
    """Each token that was added is the likeliest one, but for what roundings change."""
    mask = np.arange(rows.shape[1]) < lengths[:, None]
    logits = model({"token_ids": rows, "padding_mask": mask})
    logits = ops.convert_to_numpy(ops.cast(logits, "float32"))
    for row, own, length, start in zip(rows, logits, lengths, starts, strict=True):
        assert length > start
        steps = own[start - 1 : length - 1]
        behind = steps.max(-1) - steps[np.arange(len(steps)), row[start:length]]
        assert (behind <= CLOSE * np.ptp(steps, axis=-1)).all()


def generate(engine, *lengths, **options):
    token_ids, starts = prompts(*lengths)
    output = engine.generate(token_ids, starts, **options)
    return output.token_ids, output.lengths, starts


def test_rows_of_a_batch(model):
    assert_likeliest(model, *generate(Engine(model), 9, 3, 14, limits=40))


def test_a_single_row(model):
    assert_likeliest(model, *generate(Engine(model), 9, limits=40))


def test_a_batch_again_after_one_with_the_same_shapes(model):
    """What a graph wrote to in place was the first batch's, and nothing of the graph's own."""
    engine = Engine(model)
    first, second = (generate(engine, 9, 3, 14, limits=40)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("slots", [1, 3])
def test_rows_of_different_lengths_in_few_slots(model, slots):
    """The batch gets new rows while it runs, and smaller, down to one row, at its end."""
    engine = Engine(model)
    limits = [60, 12, 20, 9, 16]
    results = generate(engine, 9, 3, 14, 2, 5, limits=limits, batch_size=slots)
    assert_likeliest(model, *results)


def test_a_prompt_in_pieces_and_windows():
    model = causal_lm(window=20)
    assert_likeliest(model, *generate(Engine(model), 300, 280, limits=310))


def test_beams(model):
    sampler = samplers.BeamSampler(num_beams=3)
    _, lengths, _ = generate(Engine(model), 9, 4, sampler=sampler, limits=20)
    assert lengths.tolist() == [20, 20]


def test_a_guess_for_a_single_row_is_several_tokens_at_once(model):
    sampler = SpeculativeSampler(samplers.GreedySampler(), PromptLookup(adaptive=False), 3)
    assert_likeliest(model, *generate(Engine(model), 9, limits=40, sampler=sampler))


@pytest.mark.parametrize("kind", [OwnChance, SharedChance])
def test_a_sampler_with_its_own_generator_moves_on(model, kind):
    assert_moves_on(Engine(model), kind)


@compiles
@pytest.mark.parametrize("rows", [1, 2])
def test_where_xla_loops(model, rows):
    engine = Engine(model)
    generate(engine, *(4, 3)[:rows], limits=8)
    assert loops(engine) == (1, 0)


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_sampler_that_xla_cannot_compile(model, rows):
    engine = Engine(model)
    with pytest.warns(HornbookWarning, match="NotForXLA"):
        results = generate(engine, *(9, 3, 14)[:rows], limits=40, sampler=NotForXLA())
    assert_likeliest(model, *results)
    assert loops(engine) == (0, 1)


@pytest.fixture
def called(monkeypatch):
    """The operations of machine code that were called, as far as the backend has them."""
    names = set()
    for name in ("product", "attention", "write", "norm", "bounds", "likeliest"):
        make = getattr(operations, name)

        def counted(*given, make=make, name=name, **more):
            names.add(name)
            return make(*given, **more)

        monkeypatch.setattr(operations, name, counted)
    if keras.backend.backend() == "torch":
        calls = import_module("hornbook.native.torch_calls")
        for name in ("_product", "_attention", "_bounds", "_likeliest"):
            monkeypatch.setattr(calls, name, getattr(calls, name).__wrapped__)
    return names


@pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor")
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_where_machine_code_runs(dtype, called, monkeypatch):
    """Products, the likeliest outputs, attention to a cache; under XLA more; nothing when off."""
    monkeypatch.setattr(operations, "LEAST_LIKELIEST", 0)
    expected = {"attention", "product", "bounds", "likeliest"}
    if keras.backend.backend() != "torch":
        expected |= {"write", "norm"}
    model = causal_lm(dtype)
    lengths = (9, 3) if dtype == "bfloat16" else (9, 3, 14)
    results = generate(Engine(model), *lengths, limits=40)
    assert called == expected
    called.clear()
    monkeypatch.setenv(SWITCH, "0")
    plain = generate(Engine(model), *lengths, limits=40)
    assert called == set()
    if dtype == "float32":
        np.testing.assert_array_equal(results[0], plain[0])
    assert_likeliest(model, *results)


@compiles
@pytest.mark.parametrize("rows", [1, 2])
def test_no_kernel_is_converted_before_the_loop(model, monkeypatch, rows):
    kernel = "[{},{}]".format(*model.backbone.token_embedding.embeddings.shape)
    carried = carried_by_loops(model, monkeypatch, rows)
    assert f"bf16{kernel}" in carried
    assert f"f32{kernel}" not in carried


@compiles
@pytest.mark.parametrize("rows", [1, 8])
def test_no_kernels_of_experts_are_converted_before_a_loop(monkeypatch, rows):
    # In bfloat16 a token's experts may be others than in a batch; of so narrow a model they aren't.
    sizes = SIZES | {"num_experts": 5, "hidden_dim": 32, "intermediate_dim": 28}
    model = MixtralCausalLM(MixtralBackbone(**sizes, dtype="bfloat16"))
    assert_likeliest(model, *generate(Engine(model), *range(2, 2 + rows), limits=20))
    carried = carried_by_loops(model, monkeypatch, rows)
    assert "bf16[5,28,32]" in carried
    assert "f32[5,28,32]" not in carried


@pytest.mark.backends("torch")
def test_a_step_is_recorded_with_the_experts_that_will_be_chosen():
    model = MixtralCausalLM(MixtralBackbone(**SIZES, num_experts=5, dtype="bfloat16"))
    engine = Engine(model)
    for lengths in ((9, 3, 14), (4, 5, 6)):
        assert_likeliest(model, *generate(engine, *lengths, limits=40))
    (program,) = engine._programs.values()
    assert program._records
    assert program._recordings


def carried_by_loops(model, monkeypatch, rows):
    """What XLA has converted before a loop, the loop carries with it."""
    engine = Engine(model)
    lengths = range(2, 2 + rows)
    generate(engine, *lengths, limits=20)
    (program,) = engine._programs.values()
    texts = []

    def decode(self, state, steps, values):
        texts.append(compiled_loop(self, state, steps, values))
        return original(self, state, steps, values)

    original = type(program).decode
    monkeypatch.setattr(type(program), "decode", decode)
    generate(engine, *lengths, limits=20)
    return "".join(re.findall(r".* while\(.*", texts[0]))


def compiled_loop(program, state, steps, values):
    """What XLA makes of the loop, as text."""
    if keras.backend.backend() == "jax":
        inputs = (program._weights.values(), [], state.parts(), steps, values)
        return program._decode.lower(*inputs).compile().as_text()
    from hornbook.generation.drivers import tensorflow as driver

    parts = driver._with_cache_in("float32", state).parts()
    inputs = (parts, ops.convert_to_tensor(steps), driver._tensors(values))
    return program._xla_decode.experimental_get_compiler_ir(*inputs)(stage="optimized_hlo")


@compiles
@pytest.mark.parametrize("held_in", ["float32", "mixed_bfloat16", "int8"])
def test_xla_loops_where_kernels_are_float32_or_converted_anyway(held_in):
    model = causal_lm("bfloat16" if held_in == "int8" else held_in)
    if held_in == "int8":
        quantize(model)
    engine = Engine(model)
    assert_likeliest(model, *generate(engine, 4, 3, limits=8))
    assert loops(engine) == (1, 0)


@pytest.mark.backends("jax")
def test_a_row_in_the_program_that_later_versions_of_jax_compile(model, monkeypatch):
    from hornbook.generation.drivers import jax as driver

    given = []

    def options(is_half):
        given.append(is_half)
        return driver.SUMS_IN_ANY_ORDER

    monkeypatch.setattr(driver, "_options", options)
    assert_likeliest(model, *generate(Engine(model), 9, limits=40))
    assert given == [True]


@pytest.mark.backends("jax")
def test_this_jax_knows_the_options_that_programs_are_compiled_with():
    import jax

    from hornbook.generation.drivers import jax as driver

    is_new = jax.version.__version_info__ >= (0, 11)
    assert driver._options(False) == driver.WIDE_VECTORS
    assert driver._options(True) == driver.WIDE_VECTORS | (
        driver.SUMS_IN_ANY_ORDER if is_new else {}
    )
    assert not driver._knows({"xla_no_such_option": True})
