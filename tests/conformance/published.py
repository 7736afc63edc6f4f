"""What published checkpoints hold beyond what transformers writes of the same models today.

The names are those of the presets' repositories: buffers that older versions saved, tied weights
that were saved twice, heads of the pretraining, weights that a config makes superfluous.
"""

from dataclasses import dataclass

from conformance.cases import Case
from hornbook.families.registry import families


@dataclass(frozen=True)
class Published:
    """Some checkpoints of a family.

    Attributes:
        family_name: the family.
        hf_class: the class of transformers that they are of.
        tensors: what they hold besides; a `{i}` runs over the layers.
        tiny: the config that they are like, if not the first.
        without: keys that their `config.json` lacks.
    """

    family_name: str
    hf_class: str
    tensors: tuple[str, ...]
    tiny: str | None = None
    without: tuple[str, ...] = ()

    @property
    def case(self) -> Case:
        tiny = self.tiny or next(iter(families()[self.family_name].tiny))
        return Case(self.family_name, tiny)

    @property
    def name(self) -> str:
        return f"{self.case.name}-{self.hf_class}"


GATED = ("model.layers.{i}.self_attn.rotary_emb.inv_freq", "lm_head.weight")
PREDICTIONS = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias")
MASKED = ("lm_head.decoder.weight", "lm_head.decoder.bias")

PUBLISHED = [
    Published(
        "albert", "AlbertForMaskedLM",
        (
            "albert.embeddings.position_ids", "predictions.decoder.weight",
            "predictions.decoder.bias",
        ),
    ),
    Published("bert", "BertForPreTraining", ("bert.embeddings.position_ids", *PREDICTIONS)),
    Published("bert", "BertModel", ("embeddings.position_ids",)),
    Published("bloom", "BloomForCausalLM", ("lm_head.weight",)),
    Published(
        "deberta_v3", "DebertaV2ForMaskedLM",
        (
            "deberta.embeddings.position_embeddings._weight",
            "deberta.embeddings.position_embeddings.weight", "deberta.embeddings.position_ids",
            "deberta.embeddings.word_embeddings._weight", "mask_predictions.LayerNorm.bias",
            "mask_predictions.LayerNorm.weight", "mask_predictions.classifier.bias",
            "mask_predictions.classifier.weight", "mask_predictions.dense.bias",
            "mask_predictions.dense.weight",
        ),
        tiny="pretrained_head", without=("legacy",),
    ),
    Published(
        "deberta_v3", "DebertaV2ForMaskedLM",
        (
            "lm_predictions.lm_head.LayerNorm.bias", "lm_predictions.lm_head.LayerNorm.weight",
            "lm_predictions.lm_head.dense.bias", "lm_predictions.lm_head.dense.weight",
            "lm_predictions.lm_head.bias",
        ),
    ),
    Published(
        "distil_bert", "DistilBertForMaskedLM",
        ("distilbert.embeddings.position_ids", "vocab_projector.weight"),
    ),
    Published("electra", "ElectraForPreTraining", ("electra.embeddings.position_ids",)),
    Published(
        "electra", "ElectraForPreTraining",
        ("electra.embeddings_project.weight", "electra.embeddings_project.bias"), tiny="plain",
    ),
    Published(
        "electra", "ElectraForMaskedLM",
        ("electra.embeddings.position_ids", "generator_lm_head.weight"),
    ),
    Published("f_net", "FNetForPreTraining", ("fnet.embeddings.position_ids", *PREDICTIONS)),
    Published("falcon", "FalconForCausalLM", ("lm_head.weight",)),
    Published("gemma", "GemmaForCausalLM", GATED),
    Published("gemma2", "Gemma2ForCausalLM", GATED),
    Published("gemma3", "Gemma3ForCausalLM", GATED),
    Published("gpt2", "GPT2Model", ("h.{i}.attn.bias",)),
    Published(
        "gpt2", "GPT2LMHeadModel",
        (
            "transformer.h.{i}.attn.bias", "transformer.h.{i}.attn.masked_bias", "lm_head.weight",
        ),
    ),
    Published(
        "gpt_neox", "GPTNeoXForCausalLM",
        (
            "gpt_neox.layers.{i}.attention.bias", "gpt_neox.layers.{i}.attention.masked_bias",
            "gpt_neox.layers.{i}.attention.rotary_emb.inv_freq", "embed_out.weight",
        ),
    ),
    Published("llama", "LlamaForCausalLM", GATED),
    Published(
        "longformer", "LongformerForMaskedLM", ("longformer.embeddings.position_ids", *MASKED)
    ),
    Published("mistral", "MistralForCausalLM", GATED),
    Published("mixtral", "MixtralForCausalLM", GATED),
    Published("modernbert", "ModernBertForMaskedLM", ("decoder.weight",)),
    Published("mpnet", "MPNetForMaskedLM", ("mpnet.embeddings.position_ids", *MASKED)),
    Published("mpnet", "MPNetModel", ("embeddings.position_ids",)),
    Published("olmo2", "Olmo2ForCausalLM", GATED),
    Published("opt", "OPTForCausalLM", ("lm_head.weight",)),
    Published("phi3", "Phi3ForCausalLM", GATED),
    Published("qwen2", "Qwen2ForCausalLM", GATED),
    Published("qwen2_moe", "Qwen2MoeForCausalLM", GATED),
    Published("qwen3", "Qwen3ForCausalLM", GATED),
    Published("qwen3_moe", "Qwen3MoeForCausalLM", GATED),
    Published("roberta", "RobertaForMaskedLM", ("roberta.embeddings.position_ids", *MASKED)),
    Published("smollm3", "SmolLM3ForCausalLM", GATED),
    Published("xlm_roberta", "XLMRobertaForMaskedLM", ("roberta.embeddings.position_ids", *MASKED)),
    Published("xlm_roberta", "XLMRobertaModel", ("embeddings.position_ids",)),
    Published("xlnet", "XLNetLMHeadModel", ("lm_loss.weight",)),
]  # fmt: skip
