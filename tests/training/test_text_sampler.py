import keras
import numpy as np

from hornbook.training import TextSampler


class Parrot:
    def generate(self, prompts, max_length):
        return [f"{prompt} " * max_length for prompt in prompts]


def test_it_writes_and_keeps_a_sample_every_so_many_epochs():
    lines = []
    sampler = TextSampler(["a", "b"], 2, generator=Parrot(), write=lines.append, max_length=2)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(np.ones((2, 1)), np.ones((2, 1)), epochs=4, verbose=0, callbacks=[sampler])
    assert sampler.samples == {1: ["a a ", "b b "], 3: ["a a ", "b b "]}
    assert lines[0] == "[epoch 2] a a "


def test_it_writes_to_standard_output_and_samples_from_the_model_itself(capsys):
    sampler = TextSampler(["a"], max_length=1)
    sampler.set_model(Parrot())
    sampler.on_epoch_end(0)
    assert capsys.readouterr().out == "\n[epoch 1] a "
