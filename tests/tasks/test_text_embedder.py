"""Embedders: pooling, prompts, similarity, and the layout of sentence-transformers."""

import json

import keras
import numpy as np
import pytest

from hornbook.errors import ConfigError, DataError
from hornbook.models import BertTextEmbedder, TextEmbedder
from tasks.tiny_encoder import TEXTS, tiny

PROMPTS = {"query": "Later ", "passage": "London . "}


@pytest.fixture(scope="module")
def embedder():
    return tiny(BertTextEmbedder, prompts=PROMPTS)


def states_of(task, text):
    inputs = task.preprocessor([text], pad_to="longest")
    states = task.backbone(inputs)["sequence_output"]
    return keras.ops.convert_to_numpy(states)[0, inputs["padding_mask"][0].astype(bool)]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_pooling(embedder, pooling, normalize):
    task = BertTextEmbedder(
        embedder.backbone, embedder.preprocessor, pooling=pooling, normalize=normalize
    )
    for text, vector in zip(TEXTS, task.embed(TEXTS, batch_size=3), strict=True):
        states = states_of(task, text)
        expected = {"mean": states.mean(0), "cls": states[0], "last": states[-1]}[pooling]
        expected = expected / np.linalg.norm(expected) if normalize else expected
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert (BertTextEmbedder(embedder.backbone).pooling, vector.dtype) == ("mean", np.float32)


def test_prompts_stand_before_texts(embedder):
    plain = embedder.embed([PROMPTS["query"] + text for text in TEXTS])
    np.testing.assert_allclose(embedder.embed(TEXTS, prompt_name="query"), plain, atol=1e-6)
    np.testing.assert_allclose(embedder.embed(TEXTS, prompt="Later "), plain, atol=1e-6)
    assert np.abs(embedder.embed(TEXTS) - plain).max() > 0.01
    task = BertTextEmbedder(
        embedder.backbone, embedder.preprocessor, prompts=PROMPTS, default_prompt_name="query"
    )
    np.testing.assert_allclose(task.embed(TEXTS), plain, atol=1e-6)
    np.testing.assert_allclose(task.embed(TEXTS[0]), plain[0], atol=1e-6)
    np.testing.assert_allclose(task.embed(TEXTS, prompt=""), embedder.embed(TEXTS), atol=1e-6)
    with pytest.raises(DataError, match="no prompt named 'title'; the known ones are query, pass"):
        embedder.embed(TEXTS, prompt_name="title")
    with pytest.raises(DataError, match="no prompt named 'a'; the model has none"):
        BertTextEmbedder(embedder.backbone, default_prompt_name="a")


def test_vectors_are_cut_and_keep_their_length(embedder):
    whole, cut = embedder.embed(TEXTS), embedder.embed(TEXTS, truncate_dim=5)
    assert cut.shape == (len(TEXTS), 5)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, rtol=1e-5)
    norms = np.linalg.norm(whole[:, :5], axis=1)
    np.testing.assert_allclose(cut * norms[:, None], whole[:, :5], rtol=1e-5)
    np.testing.assert_allclose(embedder.embed(TEXTS[0], truncate_dim=99), whole[0], atol=1e-6)
    assert embedder.embed([], truncate_dim=5).shape == (0, 5)
    with pytest.raises(DataError, match="truncate_dim is 0"):
        embedder.embed(TEXTS, truncate_dim=0)


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarity(embedder, name):
    task = BertTextEmbedder(embedder.backbone, similarity_name=name, normalize=False)
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(3, 24)), generator.normal(size=(2, 24))
    functions = {
        "cosine": lambda x, y: x @ y / np.linalg.norm(x) / np.linalg.norm(y),
        "dot": lambda x, y: x @ y,
        "euclidean": lambda x, y: -np.linalg.norm(x - y),
        "manhattan": lambda x, y: -np.abs(x - y).sum(),
    }
    expected = [[functions[name](x, y) for y in b] for x in a]
    np.testing.assert_allclose(task.similarity(a, b), expected, rtol=1e-4)
    np.testing.assert_allclose(task.similarity(a[0], b), expected[:1], rtol=1e-4)
    with pytest.raises(DataError, match="of 24 and of 23 numbers"):
        task.similarity(a, b[:, 1:])


def test_a_similarity_that_is_not_known(embedder):
    with pytest.raises(ConfigError, match="similarity_name is 'hamming'; expected one of cosine"):
        BertTextEmbedder(embedder.backbone, similarity_name="hamming")


def saved(embedder, folder, **options):
    task = BertTextEmbedder(embedder.backbone, embedder.preprocessor, **options)
    task.save_to_preset(folder)
    (folder / "hornbook.json").unlink()  # as another library would have written it
    return task


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "mean", "prompts": PROMPTS, "default_prompt_name": "passage"},
        {"pooling": "last", "normalize": False, "similarity_name": "dot"},
        {"pooling": "cls", "prompts": {"a": "é: "}, "similarity_name": "manhattan"},
    ],
)
def test_the_layout_of_sentence_transformers_holds_all_options(embedder, options, tmp_path):
    task = saved(embedder, tmp_path, **options)
    again = TextEmbedder.from_preset(tmp_path)
    assert again.task_options == task.task_options
    assert again.preprocessor.sequence_length == task.preprocessor.sequence_length
    np.testing.assert_allclose(again.embed(TEXTS), task.embed(TEXTS), atol=1e-5)
    pooling = json.loads((tmp_path / "1_Pooling" / "config.json").read_text())
    assert [key for key, value in pooling.items() if value is True] == [
        {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}.get(
            task.pooling, "pooling_mode_lasttoken"
        ),
        "include_prompt",
    ]


@pytest.mark.parametrize(("name", "pooling"), [("lasttoken", "last"), ("cls", "cls")])
def test_the_layout_of_its_sixth_version(embedder, name, pooling, tmp_path):
    saved(embedder, tmp_path)
    change(tmp_path, "1_Pooling/config.json", {"embedding_dimension": 24, "pooling_mode": name})
    assert TextEmbedder.from_preset(tmp_path).pooling == pooling


def change(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        (
            "modules.json",
            [
                {"type": "sentence_transformers.models.Transformer", "path": ""},
                {"type": "sentence_transformers.models.Dense", "path": "2_Dense"},
            ],
            "has the module Dense in the folder '2_Dense'; supported are",
        ),
        (
            "modules.json",
            [{"type": "sentence_transformers.models.Transformer", "path": "0_Transformer"}],
            "has the module Transformer in the folder '0_Transformer'",
        ),
        ("modules.json", {}, "holds a dict; expected a list"),
        ("modules.json", [{"path": ""}], "has the entry"),
        ("modules.json", "[", "not readable JSON"),
        (
            "1_Pooling/config.json",
            {"pooling_mode_max_tokens": True},
            "asks for the pooling pooling_mode_max_tokens; supported is one of pooling_mode_mean",
        ),
        (
            "1_Pooling/config.json",
            {"pooling_mode_mean_tokens": True, "include_prompt": False},
            "pooling_mode_mean_tokens without the prompt",
        ),
        ("1_Pooling/config.json", {}, "asks for the pooling of no kind"),
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "asks for the pooling max; supp"),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}, "the pooling cls and mean; "),
    ],
)
def test_what_the_layout_asks_for_in_vain(embedder, name, content, error, tmp_path):
    saved(embedder, tmp_path)
    change(tmp_path, name, content)
    with pytest.raises(ConfigError, match=error):
        TextEmbedder.from_preset(tmp_path)
