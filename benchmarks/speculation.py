"""What guessing tokens gains: SmolLM2, with guesses looked up in the text and by a smaller model.

The smaller model is SmolLM2's own first layers under its last norm and vocabulary: an early exit,
which no one has trained to be one. Greedy, so that all forms make the same text.

    KERAS_BACKEND=torch python benchmarks/speculation.py [--new 128] [--layers 10] [--rounds 3]
"""

import argparse
import time
from dataclasses import replace
from statistics import median

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras

from hornbook.generation.drafts import PromptLookup
from hornbook.generation.speculation import DRAFT_TOKENS, SpeculativeSampler
from hornbook.models import CausalLM
from hornbook.samplers import GreedySampler

PRESET = "smollm2_135m_instruct_q4_1"
TEXT = (
    "The quick brown fox jumps over the lazy dog while seventeen grey geese fly south over the "
    "frozen lake, and nobody in the village below looks up from the morning's work."
)
PROMPTS = {
    "repeat a text": f"Repeat this text word for word, three times: {TEXT}",
    "quote": f"{TEXT}\nWho flies south, and over what? Answer with a quote, then explain it.",
    "a story": "Tell a story about a lighthouse keeper.",
}


def early_exit(model: CausalLM, layers: int) -> CausalLM:
    """The model with its first layers alone."""
    config = replace(model.backbone.config, num_layers=layers)
    small = type(model)(type(model.backbone)(**vars(config)))
    named = {variable.path.partition("/")[2]: variable for variable in model.variables}
    for variable in small.variables:
        variable.assign(named[variable.path.partition("/")[2]].value)
    return small


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--new", type=int, default=128)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    model = CausalLM.from_preset(PRESET, dtype="float32")
    always = SpeculativeSampler(GreedySampler(), PromptLookup(adaptive=False), DRAFT_TOKENS)
    layers = f"{arguments.layers} of {model.backbone.config.num_layers} layers"
    forms = {
        "no guesses": {},
        "lookup": {"draft": "prompt_lookup"},
        "lookup, always": {"sampler": always},
        layers: {"draft": early_exit(model, arguments.layers)},
    }
    print(
        f"{keras.backend.backend()}, {arguments.new} new tokens, the median of {arguments.rounds}"
    )
    for name, prompt in PROMPTS.items():
        report(name, *measured(model, prompt, forms, arguments.new, arguments.rounds))


def measured(
    model: CausalLM, prompt: str, forms: dict[str, dict], new: int, rounds: int
) -> tuple[dict[str, float], bool]:
    """Seconds of each form, and whether all made the same text."""
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    texts = set()
    chat = [{"role": "user", "content": prompt}]
    for number in range(rounds + 1):
        for name, options in forms.items():
            options = {"sampler": "greedy", "max_new_tokens": new, **options}
            start = time.perf_counter()
            texts.add(model.generate(chat, **options))
            if number:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in seconds.items()}, len(texts) == 1


def report(name: str, seconds: dict[str, float], same: bool) -> None:
    print(f"\n{name}{'' if same else ' (the texts differ)'}")
    for form, time_ in seconds.items():
        print(f"  {form:18} {time_:6.2f} s  {seconds['no guesses'] / time_:5.2f}x")


if __name__ == "__main__":
    main()
