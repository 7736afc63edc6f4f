"""Heads that many families declare alike."""

from typing import Any

from hornbook.checkpoints.weight_map import (
    Drop,
    Map,
    Row,
    flag,
    layer_norm,
    linear,
    only,
    tied,
    untied,
)
from hornbook.checkpoints.weight_ops import Copies
from hornbook.families.family import Head
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.preprocessing.decoder import DecoderPreprocessor

NORMED = Transform(norm=True)
"""BERT's: a dense layer, the activation of the config, a norm."""


def causal_lm(hf_class: str, tensor: str = "lm_head.weight") -> Head:
    """The language model head: a projection to the vocabulary, tied or not."""
    return Head(
        "CausalLM",
        hf_class,
        (
            Map(tensor, "lm_head/kernel", when=untied),
            Drop(tensor, "it is the token embedding", when=tied),
        ),
    )


def pooled_classifier(
    hf_class: str, tensor: str = "classifier", *, dropout_key: str | None = "classifier_dropout"
) -> Head:
    """Labels of texts: one layer on the backbone's pooler, as BERT has it."""
    layers = HeadLayers(pooling="pooler", dropout_key=dropout_key)
    return Head("TextClassifier", hf_class, linear(tensor, "classifier"), layers)


def sequence_classification(hf_class: str, tensor: str = "score.weight") -> Head:
    """Labels of texts from a decoder: one layer, without bias, on the last real token's state."""
    return Head(
        "TextClassifier",
        hf_class,
        (Map(tensor, "classifier/kernel"),),
        HeadLayers(pooling="last", use_bias=False),
        DecoderPreprocessor,
    )


def decoder_embedder(hf_class: str) -> Head:
    """Vectors of texts from a decoder: the last real token's state."""
    layers = HeadLayers(pooling="last")
    return Head("TextEmbedder", hf_class, layers=layers, preprocessor=DecoderPreprocessor)


def token_classification(
    hf_class: str, tensor: str = "classifier", *, dropout_key: str | None = "classifier_dropout"
) -> Head:
    """Labels of words: one layer on the states."""
    layers = HeadLayers(dropout_key=dropout_key)
    return Head("TokenClassifier", hf_class, linear(tensor, "classifier"), layers)


def question_answering(hf_class: str, tensor: str = "qa_outputs") -> Head:
    """Spans that answer: one layer on the states, which scores first and last tokens."""
    return Head("QuestionAnswering", hf_class, linear(tensor, "span"), HeadLayers())


def multiple_choice(
    hf_class: str, tensor: str = "classifier", *, dropout_key: str | None = "classifier_dropout"
) -> Head:
    """Choices: one layer on the backbone's pooler, as BERT has it."""
    layers = HeadLayers(pooling="pooler", dropout_key=dropout_key)
    return Head("MultipleChoice", hf_class, linear(tensor, "classifier"), layers)


def vocabulary_rows(
    transform: str, norm: str, decoder: str, bias: str | None = None
) -> tuple[Row, ...]:
    """The rows of a masked language model's head.

    Args:
        transform: what the tensors of the dense layer start with.
        norm: those of the norm after it.
        decoder: those of the projection to the vocabulary.
        bias: as for `projection_rows`.
    """
    return (
        *linear(transform, "transform"),
        *layer_norm(norm, "transform_norm"),
        *projection_rows(decoder, bias),
    )


def projection_rows(decoder: str, bias: str | None = None) -> tuple[Row, ...]:
    """The rows of a projection to the vocabulary with a bias.

    Args:
        decoder: what its tensors start with.
        bias: the tensor of its bias where that has another name than the projection's, under
            which transformers ties it; untied, that one is kept and not used.
    """
    own: tuple[Row, ...] = (Map(f"{decoder}.bias", "lm_head/bias"),)
    if bias is not None:
        own = (
            Map(bias, "lm_head/bias", when=tied),
            Drop(f"{decoder}.bias", f"it is {bias}", when=tied),
            Map((f"{decoder}.bias", bias), "lm_head/bias", Copies(), when=untied),
        )
    return (
        Map(f"{decoder}.weight", "lm_head/kernel", when=untied),
        Drop(f"{decoder}.weight", "it is the token embedding", when=tied),
        *own,
    )


def masked_lm(hf_class: str, rows: tuple[Row, ...], transform: Transform | None = NORMED) -> Head:
    """The masked language model's head: a transform, then a projection to the vocabulary."""
    return Head("MaskedLM", hf_class, rows, HeadLayers(transform=transform))


def either(attribute: str, on: tuple[Row, ...], off: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows of one of two heads, by a switch of the config; those of the other are dropped."""

    def is_off(config: Any) -> bool:
        return not getattr(config, attribute)

    return (
        *only(flag(attribute), (*on, *_dropped(off))),
        *only(is_off, (*off, *_dropped(on))),
    )


def _dropped(rows: tuple[Row, ...]) -> tuple[Drop, ...]:
    return tuple(Drop(row.tensors, "it is of the other head", row.when) for row in rows)


def next_sentence(hf_class: str, tensor: str = "cls.seq_relationship") -> Head:
    """Whether a text goes on with another: one layer on the backbone's pooler."""
    rows = linear(tensor, "next_sentence")
    return Head("NextSentencePredictor", hf_class, rows, HeadLayers(pooling="pooler"))


def masked_lm_and_next_sentence(
    hf_class: str,
    rows: tuple[Row, ...],
    tensor: str = "cls.seq_relationship",
    transform: Transform | None = NORMED,
    dropout_key: str | None = None,
) -> Head:
    """Both heads that BERT was pretrained with; the pooling and the dropout are the second's."""
    layers = HeadLayers(pooling="pooler", transform=transform, dropout_key=dropout_key)
    all_rows = (*rows, *linear(tensor, "next_sentence"))
    return Head("MaskedLMAndNextSentence", hf_class, all_rows, layers)
