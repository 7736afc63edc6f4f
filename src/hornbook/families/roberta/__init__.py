"""RoBERTa (Liu et al., 2019)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm, question_answering, token_classification
from hornbook.families.roberta import model, weights
from hornbook.families.roberta.presets import PRESETS
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

SPECIAL_TOKENS = {
    "start_token": "<s>",
    "end_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
ROWS = RowTemplate(between=("sep_token", "sep_token"), second_segment=0)


def heads(prefix: str) -> tuple[Head, ...]:
    """The tasks' heads, given what transformers' classes start with."""
    classifier = HeadLayers(
        pooling="cls",
        transform=Transform(activation="tanh", dropout_before=True),
        dropout_key="classifier_dropout",
    )
    return (
        Head("TextEmbedder", f"{prefix}Model"),
        Head(
            "TextClassifier", f"{prefix}ForSequenceClassification", weights.CLASSIFIER, classifier
        ),
        Head(
            "MultipleChoice",
            f"{prefix}ForMultipleChoice",
            linear("classifier", "classifier"),
            HeadLayers(pooling="pooler", dropout="backbone"),
        ),
        token_classification(f"{prefix}ForTokenClassification"),
        question_answering(f"{prefix}ForQuestionAnswering"),
        masked_lm(
            f"{prefix}ForMaskedLM", weights.VOCABULARY, Transform(activation="gelu", norm=True)
        ),
    )


_TINY = model.RobertaConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, layer_norm_epsilon=0.01,
    initializer_range=0.3, start_token_id=5, pad_token_id=3,
)  # fmt: skip

FAMILY = Family(
    name="roberta",
    prefix="Roberta",
    title="RoBERTa",
    paper='Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019)',
    hf_types=("roberta",),
    hf_class="RobertaModel",
    hf_prefix="roberta",
    config_class=model.RobertaConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=heads("Roberta"),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens=SPECIAL_TOKENS,
        hf_class="RobertaTokenizer",
        row_template=ROWS,
    ),
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
