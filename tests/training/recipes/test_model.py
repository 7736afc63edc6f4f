import keras
import numpy as np
import pytest

from hornbook.training.recipes import build_model, names, read_recipe
from hornbook.training.recipes.model import parameters
from hornbook.training.recipes.recipe import ModelConfig

EMBEDDING, DECODER, HEAD = 1_312_768, 394_749, 1_285_000


def counted(config):
    return parameters(build_model(config, 5000, 128))


def test_the_parameters_are_the_documents():
    assert counted(read_recipe("original").model) == {
        "embedding": EMBEDDING,
        "decoder_1": DECODER,
        "decoder_2": DECODER,
        "head": HEAD,
    }
    assert counted(read_recipe("pre_norm").model)["decoder_1"] == DECODER
    assert counted(read_recipe("final_norm").model)["final_norm"] == 2 * 256
    four_heads = ModelConfig(num_layers=1, num_heads=4, normalize_first=True)
    assert counted(four_heads)["decoder_1"] == 395_776
    reversible = ModelConfig(num_layers=1, output="tied")
    assert counted(reversible) == {
        "embedding": 1_280_000,
        "positions": 128 * 256,
        "decoder_1": DECODER,
    }


@pytest.mark.parametrize("name", [name for name in names() if name != "fine_tune"])
def test_every_recipe_sees_what_came_before_alone(name, tiny):
    config = read_recipe(name).with_values(
        "model", num_layers=2, num_heads=3, embedding_dim=8, intermediate_dim=8
    ).model  # fmt: skip
    model = build_model(config, 20, 6)
    ids = np.array([[2, 5, 6, 7, 8, 9]], "int32")
    changed = np.array([[2, 5, 6, 7, 11, 12]], "int32")
    first, second = (keras.ops.convert_to_numpy(model(rows)) for rows in (ids, changed))
    assert first.shape == (1, 6, 20)
    np.testing.assert_allclose(first[:, :4], second[:, :4], atol=1e-5)
    assert np.abs(first[:, 4:] - second[:, 4:]).max() > 1e-3


def test_dropout_goes_before_each_decoder_and_the_head():
    model = build_model(ModelConfig(num_layers=2, dropout=0.1, embedding_dim=8), 20, 6)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[2:] == [
        "Dropout", "TransformerDecoder", "Dropout", "TransformerDecoder", "Dropout", "Linear",
    ]  # fmt: skip
