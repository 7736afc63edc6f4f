"""Texts to vectors whose angles say how alike they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import ConfigError, DataError
from hornbook.layers.pooling import PoolingMode, SequencePooling
from hornbook.tasks import sentence_layout
from hornbook.tasks.head import freeze_pooler, states
from hornbook.tasks.similarity import SIMILARITIES, Similarity
from hornbook.tasks.task import Task
from hornbook.tasks.text_prediction import predict_texts


class TextEmbedder(Task):
    """Maps each text to one vector.

    Inputs are those of the backbone; the output is [batch, hidden_dim]. It is compiled to learn
    given target vectors by cosine, which is how one embedder is distilled into another (Reimers
    and Gurevych, 2020); `compile` changes that. The layout of sentence-transformers is read and
    written, prompts included. A pooler of the backbone, which no vector comes from, is frozen.

    Args:
        backbone: an encoder or a decoder.
        preprocessor: turns texts into the backbone's inputs, or None for a task that takes token
            ids.
        pooling: "mean" over the real tokens, "cls", the first token, or "last", the last real
            token, as for decoders. None is the family's usual one.
        normalize: whether vectors have length 1.
        prompts: texts to put before others, by name, such as `{"query": "query: "}`.
        default_prompt_name: the prompt that is used where none is named.
        similarity_name: what `similarity` computes: "cosine", "dot", "euclidean" or "manhattan".

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
        pooling: PoolingMode | None = None,
        normalize: bool = True,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_name: Similarity = "cosine",
        name: str | None = None,
    ) -> None:
        if type(self) is TextEmbedder:
            raise TypeError(
                "TextEmbedder is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        known = dict(prompts or {})
        if default_prompt_name is not None:
            _prompt(known, default_prompt_name)
        if similarity_name not in SIMILARITIES:
            raise ConfigError(
                f"similarity_name is {similarity_name!r}; expected one of "
                f"{', '.join(SIMILARITIES)}."
            )
        pooling = pooling or self.usual_pooling()
        policy = backbone.token_embedding.dtype_policy
        freeze_pooler(backbone)
        outputs = SequencePooling(pooling, dtype=policy, name="pooling")(
            states(backbone, backbone.input), padding_mask=backbone.input["padding_mask"]
        )
        if normalize:
            outputs = keras.layers.UnitNormalization(dtype=policy, name="normalize")(outputs)
        super().__init__(backbone, preprocessor, outputs, name=name)
        self.pooling = pooling
        self.normalize = normalize
        self.prompts = known
        self.default_prompt_name = default_prompt_name
        self.similarity_name = similarity_name
        self.compile_by_default()

    @classmethod
    def usual_pooling(cls) -> PoolingMode:
        """How vectors are made in the family where nothing else is said."""
        declared = None if cls.head_layers is None else cls.head_layers.pooling
        return "mean" if declared is None or declared == "pooler" else declared

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": keras.losses.CosineSimilarity(),
        }

    @property
    def task_options(self) -> dict[str, Any]:
        return {
            "pooling": self.pooling,
            "normalize": self.normalize,
            "prompts": dict(self.prompts),
            "default_prompt_name": self.default_prompt_name,
            "similarity_name": self.similarity_name,
        }

    def embed(
        self,
        texts: str | Sequence[str],
        batch_size: int = 32,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate_dim: int | None = None,
    ) -> np.ndarray:
        """Embeds texts: float32 [hidden_dim] for one, [number of texts, hidden_dim] for several.

        Texts of like length share a batch, so that little padding is computed.

        Args:
            texts: a text or several.
            batch_size: how many run at a time, at most.
            prompt_name: which of the model's prompts is put before each text; None takes the
                default one, if there is one.
            prompt: a prompt to put there instead, such as "", for none.
            truncate_dim: keep so many numbers of each vector, for models that learned to have
                their meaning in the first ones (Kusupati et al., "Matryoshka Representation
                Learning", 2022); vectors of length 1 get that length again.

        Raises:
            DataError: when the model has no tokenizer, or no prompt of that name.
        """
        if isinstance(texts, str):
            given = {"prompt_name": prompt_name, "prompt": prompt, "truncate_dim": truncate_dim}
            return self.embed([texts], batch_size, **given)[0]  # type: ignore[arg-type]
        name = prompt_name or self.default_prompt_name
        if prompt is None:
            prompt = "" if name is None else _prompt(self.prompts, name)
        if not len(texts):
            width = self.backbone.config.hidden_dim
            return np.zeros((0, min(truncate_dim or width, width)), "float32")
        vectors = np.stack(predict_texts(self, [prompt + text for text in texts], batch_size))
        if truncate_dim is None:
            return vectors
        if truncate_dim < 1:
            raise DataError(f"truncate_dim is {truncate_dim}; expected 1 or more")
        vectors = vectors[:, :truncate_dim]
        if not self.normalize:
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12))

    def similarity(self, a: Any, b: Any) -> np.ndarray:
        """How alike vectors are, each of `a` with each of `b`; greater is more alike.

        Args:
            a: vectors [n, features], or one, [features].
            b: likewise, [m, features].

        Returns:
            float32 [n, m]: cosines, products, or the negated euclidean or manhattan distances, as
            the model was trained for.

        Example:
            >>> from hornbook.tasks.similarity import SIMILARITIES
            >>> float(SIMILARITIES["cosine"](np.array([[2.0, 0.0]]), np.array([[1.0, 0.0]]))[0, 0])
            1.0
        """
        first, second = (np.atleast_2d(np.asarray(each, "float32")) for each in (a, b))
        if first.shape[-1] != second.shape[-1]:
            raise DataError(
                f"Got vectors of {first.shape[-1]} and of {second.shape[-1]} numbers; expected "
                "equally many"
            )
        return SIMILARITIES[self.similarity_name](first, second)

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        return sentence_layout.read_options(folder)

    def write_options(self, folder: Path) -> list[str]:
        length = None if self.preprocessor is None else self.preprocessor.sequence_length
        return sentence_layout.write_options(
            folder, self.task_options, self.backbone.config.hidden_dim, length
        )


def _prompt(prompts: Mapping[str, str], name: str) -> str:
    if name not in prompts:
        known = f"the known ones are {', '.join(prompts)}" if prompts else "the model has none"
        raise DataError(f"There is no prompt named {name!r}; {known}.")
    return prompts[name]
