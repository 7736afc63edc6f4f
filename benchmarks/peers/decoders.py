"""One contender of `benchmarks/decode.py`: a model of random weights that generates greedily.

It answers each line on its standard input with the seconds that a generation took, so that
contenders take turns. Shapes are GPT-2's or Llama's; each library makes its own weights, as time
doesn't depend on them.
"""

import json
import sys
import time

import numpy as np

GPT2 = {"kind": "gpt2", "layers": 12, "heads": 12, "width": 768, "inner": 3072, "vocabulary": 50257}
SMOLLM2 = {
    "kind": "llama", "layers": 30, "heads": 9, "kv_heads": 3, "width": 576, "inner": 1536,
    "vocabulary": 49152,
}  # fmt: skip
SHAPES = {"gpt2": GPT2, "smollm2": SMOLLM2}
POSITIONS = 1024


def prompts(config: dict) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(1, 10_000, (config["batch"], config["prompt"])).astype("int32")


def padded(config: dict) -> dict[str, np.ndarray]:
    """The prompts in the width of the result, as Keras's libraries want them."""
    missing = ((0, 0), (0, config["new"]))
    ids = prompts(config)
    mask = np.pad(np.ones_like(ids), missing)
    return {"token_ids": np.pad(ids, missing), "padding_mask": mask}


def hornbook(config: dict, shape: dict):
    from hornbook import models

    if shape["kind"] == "gpt2":
        backbone = models.GPT2Backbone(
            vocabulary_size=shape["vocabulary"], num_layers=shape["layers"],
            num_heads=shape["heads"], hidden_dim=shape["width"],
            intermediate_dim=shape["inner"], max_sequence_length=POSITIONS,
            dtype=config["dtype"],
        )  # fmt: skip
        model = models.GPT2CausalLM(backbone)
    else:
        backbone = models.LlamaBackbone(
            vocabulary_size=shape["vocabulary"], num_layers=shape["layers"],
            num_query_heads=shape["heads"], num_key_value_heads=shape["kv_heads"],
            hidden_dim=shape["width"], intermediate_dim=shape["inner"],
            max_sequence_length=POSITIONS, tie_word_embeddings=True, dtype=config["dtype"],
        )  # fmt: skip
        model = models.LlamaCausalLM(backbone)
    model.compile(sampler="greedy")
    inputs = padded(config)
    return lambda: model.generate(inputs, stop_token_ids=None)["token_ids"]


def kerashub(config: dict, shape: dict):
    import keras_hub

    if shape["kind"] == "gpt2":
        backbone = keras_hub.models.GPT2Backbone(
            shape["vocabulary"], shape["layers"], shape["heads"], shape["width"], shape["inner"],
            max_sequence_length=POSITIONS, dtype=config["dtype"],
        )  # fmt: skip
        model = keras_hub.models.GPT2CausalLM(backbone)
    else:
        backbone = keras_hub.models.LlamaBackbone(
            shape["vocabulary"], shape["layers"], shape["heads"], shape["width"], shape["inner"],
            shape["kv_heads"], tie_word_embeddings=True, dtype=config["dtype"],
        )  # fmt: skip
        model = keras_hub.models.LlamaCausalLM(backbone)
    model.compile(sampler="greedy")
    inputs = padded(config)
    return lambda: model.generate(inputs, stop_token_ids=None)["token_ids"]


def transformers_model(config: dict, shape: dict):
    import torch
    import transformers

    if shape["kind"] == "gpt2":
        settings = transformers.GPT2Config(n_positions=POSITIONS)
        model = transformers.GPT2LMHeadModel(settings)
    else:
        settings = transformers.LlamaConfig(
            vocab_size=shape["vocabulary"], hidden_size=shape["width"],
            intermediate_size=shape["inner"], num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"], num_key_value_heads=shape["kv_heads"],
            max_position_embeddings=POSITIONS, tie_word_embeddings=True,
        )  # fmt: skip
        model = transformers.LlamaForCausalLM(settings)
    model = model.eval().to(getattr(torch, config["dtype"]))
    ids = torch.from_numpy(prompts(config)).long()
    options = {
        "max_new_tokens": config["new"], "min_new_tokens": config["new"], "do_sample": False,
        "pad_token_id": 0, "attention_mask": torch.ones_like(ids),
    }  # fmt: skip
    if "compiled" in config["library"]:
        options["cache_implementation"] = "static"
        model.forward = torch.compile(model.forward)

    def run():
        with torch.inference_mode():
            return model.generate(ids, **options).numpy()

    return run


def plain_torch(config: dict, shape: dict):
    from by_hand_decoders import torch_gpt2

    return torch_gpt2(config, shape, prompts(config), POSITIONS)


def plain_jax(config: dict, shape: dict):
    from by_hand_decoders import jax_gpt2

    return jax_gpt2(config, shape, prompts(config), POSITIONS)


def maker(library: str):
    if library.startswith("transformers"):
        return transformers_model
    return {
        "hornbook": hornbook, "kerashub": kerashub, "plain torch": plain_torch,
        "plain jax": plain_jax,
    }[library]  # fmt: skip


def main() -> None:
    config = json.loads(sys.argv[1])
    start = time.perf_counter()
    run = maker(config["library"])(config, SHAPES[config["shape"]])
    made = time.perf_counter()
    first = np.asarray(run())
    expected = (config["batch"], config["prompt"] + config["new"])
    assert first.shape == expected, (first.shape, expected)
    print("ready", flush=True)
    cold = time.perf_counter() - made
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "first_call": cold}), flush=True)


if __name__ == "__main__":
    main()
