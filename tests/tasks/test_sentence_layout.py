"""Embedders are those of sentence-transformers, whichever of the two saved the folder."""

import json
import warnings

import numpy as np
import pytest

from conformance.cases import FIRST_CASES
from conformance.vocabularies import SENTENCES, with_tokenizer
from hornbook.models import BertTextEmbedder, TextEmbedder
from tasks.tiny_encoder import TEXTS, tiny

# Its rows are longer than the embedders read, so that where texts are cut matters.
LONG = [*TEXTS, "", " ".join(TEXTS), "Nobody"]
PROMPTS = {"query": "Later ", "document": "London . "}
LENGTH = 16

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def library():
    """The library and its modules, imported where they are needed: it takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: of names that it moved
        import sentence_transformers
        from sentence_transformers import models
    return sentence_transformers, models


@pytest.fixture(scope="module")
def embedder():
    return tiny(BertTextEmbedder, LENGTH)


def opened_by(library, folder):
    sentence_transformers, _ = library
    return sentence_transformers.SentenceTransformer(str(folder), device="cpu")


def assert_same_vectors(ours, theirs, texts=LONG):
    """Equal vectors of texts, with each of the prompts and without; and equal similarities."""
    vectors = ours.embed(texts)
    np.testing.assert_allclose(vectors, theirs.encode(texts), atol=1e-5)
    for name in ours.prompts:
        queries = ours.embed(texts, prompt_name=name)
        np.testing.assert_allclose(queries, theirs.encode(texts, prompt_name=name), atol=1e-5)
        alike = theirs.similarity(queries, vectors).numpy()
        np.testing.assert_allclose(ours.similarity(queries, vectors), alike, atol=1e-4)
    spread = np.abs(vectors - vectors[0]).max()
    assert spread > 0.05  # equal vectors of all texts would prove nothing


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "mean", "prompts": PROMPTS, "default_prompt_name": "document"},
        {"pooling": "cls", "normalize": False, "similarity_name": "dot"},
        {"pooling": "last", "prompts": {"query": "Later "}, "similarity_name": "euclidean"},
        {"pooling": "mean", "normalize": False, "similarity_name": "manhattan"},
    ],
)
def test_it_reads_what_we_save(library, embedder, options, tmp_path):
    ours = BertTextEmbedder(embedder.backbone, embedder.preprocessor, **options)
    ours.save_to_preset(tmp_path)
    theirs = opened_by(library, tmp_path)
    assert theirs.max_seq_length == LENGTH
    assert theirs.default_prompt_name == ours.default_prompt_name
    assert theirs.similarity_fn_name == ours.similarity_name
    assert_same_vectors(ours, theirs)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken"])
def test_we_read_what_it_saves(library, embedder, mode, normalize, tmp_path):
    sentence_transformers, models = library
    # The encoder and the vocabulary alone, in the layout of transformers.
    embedder.save_to_preset(tmp_path / "encoder")
    for path in (tmp_path / "encoder").glob("*"):
        if path.name in ("hornbook.json", "modules.json", "config_sentence_transformers.json"):
            path.unlink()
    encoder = models.Transformer(
        str(tmp_path / "encoder"), processor_kwargs={"model_max_length": LENGTH}
    )
    pooling = models.Pooling(embedder.backbone.config.hidden_dim, pooling_mode=mode)
    modules = [encoder, pooling, *([models.Normalize()] if normalize else [])]
    theirs = sentence_transformers.SentenceTransformer(
        modules=modules, device="cpu", prompts=PROMPTS, default_prompt_name="query",
        similarity_fn_name="dot",
    )  # fmt: skip
    theirs.save(str(tmp_path / "theirs"))
    ours = TextEmbedder.from_preset(tmp_path / "theirs")
    assert ours.task_options == {
        "pooling": mode.removesuffix("token"),
        "normalize": normalize,
        "prompts": PROMPTS,
        "default_prompt_name": "query",
        "similarity_name": "dot",
    }
    assert ours.preprocessor.sequence_length == LENGTH
    assert_same_vectors(ours, theirs)


DECODERS = [
    (case, head)
    for case in FIRST_CASES
    for head in case.family.heads
    if case.is_decoder and head.task == "TextEmbedder"
]


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize(("case", "head"), DECODERS, ids=[case.name for case, _ in DECODERS])
def test_decoders_are_read_by_both(library, case, head, ends, tmp_path):
    ours = with_tokenizer(case, head)
    ours.save_to_preset(tmp_path)
    (tmp_path / "hornbook.json").unlink()
    if ends:
        _add_end_token(tmp_path, ours.preprocessor.tokenizer)
    theirs = opened_by(library, tmp_path)
    if theirs.tokenizer.pad_token is None:  # it pads with nothing else
        theirs.tokenizer.pad_token = theirs.tokenizer.eos_token
    ours = TextEmbedder.from_preset(tmp_path)
    assert (ours.pooling, ours.preprocessor.tokenizer.adds_end_token) == ("last", ends)
    assert_same_vectors(ours, theirs, [*SENTENCES, "A hornbook"])


def _add_end_token(folder, tokenizer):
    """Makes a tokenizer put its end token behind texts, as decoders' embedders have it."""
    if not (folder / "tokenizer.json").is_file():
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        config["add_eos_token"] = True
        (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
        return
    raw = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    token = tokenizer.end_token
    ends = {"SpecialToken": {"id": token, "type_id": 0}}
    one = [{"Sequence": {"id": "A", "type_id": 0}}, ends]
    raw["post_processor"] = {
        "type": "TemplateProcessing",
        "single": one,
        "pair": [*one, {"Sequence": {"id": "B", "type_id": 0}}, ends],
        "special_tokens": {
            token: {"id": token, "ids": [tokenizer.end_token_id], "tokens": [token]}
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(raw), "utf-8")
