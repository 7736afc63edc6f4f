"""Texts to vectors whose angles say how alike they are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import ConfigError, DataError
from hornbook.layers.pooling import PoolingMode, SequencePooling
from hornbook.tasks.task import Task

POOLING_KEYS: dict[PoolingMode, str] = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
}
MODULES = "sentence_transformers.models."


class TextEmbedder(Task):
    """Maps each text to one vector.

    Inputs are those of the backbone; the output is [batch, hidden_dim]. It is compiled to learn
    given target vectors by cosine, which is how one embedder is distilled into another (Reimers
    and Gurevych, 2020); `compile` changes that. The layout of sentence-transformers is read and
    written. A pooler of the backbone, which no vector comes from, is frozen.

    Args:
        backbone: an encoder.
        preprocessor: an `EncoderPreprocessor`, or None for a task that takes token ids.
        pooling: "mean" over the real tokens, or "cls", the first token.
        normalize: whether vectors have length 1.

    Example:
        >>> from hornbook.models import BertBackbone, BertTextEmbedder
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertTextEmbedder(backbone)(inputs).shape
        (1, 8)
    """

    name_in_families = "TextEmbedder"

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        *,
        pooling: PoolingMode = "mean",
        normalize: bool = True,
        name: str | None = None,
    ) -> None:
        if type(self) is TextEmbedder:
            raise TypeError(
                "TextEmbedder is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        policy = backbone.token_embedding.dtype_policy
        hidden = backbone(backbone.input)["sequence_output"]
        outputs = SequencePooling(pooling, dtype=policy, name="pooling")(
            hidden, padding_mask=backbone.input["padding_mask"]
        )
        if normalize:
            outputs = keras.layers.UnitNormalization(dtype=policy, name="normalize")(outputs)
        super().__init__(backbone, preprocessor, outputs, name=name)
        if backbone.assembly.pooler is not None:
            backbone.assembly.pooler.trainable = False
        self.pooling = pooling
        self.normalize = normalize
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": keras.losses.CosineSimilarity(),
        }

    @property
    def task_options(self) -> dict[str, Any]:
        return {"pooling": self.pooling, "normalize": self.normalize}

    def embed(self, texts: str | Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Embeds texts: float32 [hidden_dim] for one, [number of texts, hidden_dim] for several.

        Texts of like length share a batch, so that little padding is computed.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        if isinstance(texts, str):
            return self.embed([texts], batch_size)[0]
        if not len(texts):
            return np.zeros((0, self.backbone.config.hidden_dim), "float32")
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        vectors: list[Any] = [None] * len(texts)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            inputs = self.preprocessor([texts[index] for index in chosen], pad_to="longest")
            outputs = keras.ops.convert_to_numpy(self.predict_on_batch(inputs))
            for index, vector in zip(chosen, outputs, strict=True):
                vectors[index] = vector
        return np.stack(vectors).astype("float32")

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if (folder / "modules.json").is_file():
            modules = json.loads((folder / "modules.json").read_text("utf-8"))
            options["normalize"] = any(module["type"].endswith(".Normalize") for module in modules)
            for module in modules:
                if module["type"].endswith(".Pooling"):
                    options["pooling"] = _read_pooling(folder, module["path"])
        return options

    def write_options(self, folder: Path) -> list[str]:
        modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        if self.normalize:
            modules.append(("2_Normalize", "Normalize"))
        files: dict[str, Any] = {
            "modules.json": [
                {"idx": index, "name": str(index), "path": path, "type": MODULES + kind}
                for index, (path, kind) in enumerate(modules)
            ],
            "1_Pooling/config.json": {
                "word_embedding_dimension": self.backbone.config.hidden_dim,
                **{key: mode == self.pooling for mode, key in POOLING_KEYS.items()},
            },
        }
        if self.preprocessor is not None:
            files["sentence_bert_config.json"] = {
                "max_seq_length": self.preprocessor.sequence_length,
                "do_lower_case": False,
            }
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        return list(files)


def _read_pooling(folder: Path, path: str) -> PoolingMode:
    config = folder / "1_Pooling" / "config.json" if path == "1_Pooling" else None
    if config is None or not config.is_file():
        raise ConfigError(f"modules.json names the pooling folder {path!r}; expected '1_Pooling'.")
    raw = json.loads(config.read_text("utf-8"))
    chosen = [key for key, value in raw.items() if key.startswith("pooling_mode_") and value]
    for mode, key in POOLING_KEYS.items():
        if chosen == [key]:
            return mode
    raise ConfigError(
        f"{config.name} asks for the pooling {chosen}; supported is one of "
        f"{list(POOLING_KEYS.values())}."
    )
