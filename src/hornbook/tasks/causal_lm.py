"""Language modelling from left to right."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from hornbook import samplers
from hornbook.backbones.backbone import Backbone
from hornbook.generation import Engine, generate_text
from hornbook.generation.language_model import LayerKernel
from hornbook.generation.speculation import DRAFT_TOKENS
from hornbook.generation.text import StopTokenIds, TextOptions
from hornbook.layers.activation import softcapped
from hornbook.layers.linear import Linear
from hornbook.layers.linear_group import can_join
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.tasks.scoring import ScoredTokens, score_inputs
from hornbook.tasks.task import Task
from hornbook.training.next_token_model import NextTokenModel


class CausalLM(NextTokenModel, Task):
    """Predicts the next token of every position.

    Inputs are `token_ids` and `padding_mask`, both int [batch, length]; the output is logits
    [batch, length, vocabulary]. It is compiled with a loss and a perplexity that leave padding
    out, and with Adam at 2e-5; `compile` changes that.

    Args:
        backbone: a decoder.
        preprocessor: a `CausalLMPreprocessor`, or None to train and generate on token ids.

    Example:
        >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
        >>> backbone = GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> GPT2CausalLM(backbone)({"token_ids": ids, "padding_mask": np.ones_like(ids)}).shape
        (1, 3, 50)
    """

    name_in_families = "CausalLM"

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is CausalLM:
            raise TypeError(
                "CausalLM is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        config = backbone.config
        head = None
        if not config.tie_word_embeddings:
            head = Linear(
                config.vocabulary_size,
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=config.initializer_range),
                dtype=backbone.token_embedding.dtype_policy,
                name="lm_head",
            )
        hidden = backbone(backbone.input)
        logits = backbone.token_embedding(hidden, reverse=True) if head is None else head(hidden)
        logits = softcapped(logits, backbone.assembly.logit_softcap)
        super().__init__(backbone, preprocessor, logits, name=name)
        self.lm_head = head
        self.sampler = samplers.get("top_k")
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": SparseTokenCrossentropy(),
            "weighted_metrics": [Perplexity(from_logits=True)],
        }

    def compile(
        self,
        optimizer: Any = "auto",
        loss: Any = "auto",
        *,
        weighted_metrics: Any = "auto",
        sampler: Any = None,
        **options: Any,
    ) -> None:
        """Sets how the model is trained, as in Keras, and how it generates.

        What is left at "auto" is the default: Adam at 2e-5, and a loss and a perplexity that leave
        padding out. Setting the sampler alone leaves the training of a compiled model as it is.

        Args:
            optimizer: of `keras.Model.compile`, as are the other options.
            loss: likewise.
            weighted_metrics: likewise.
            sampler: the name of a sampler ("greedy", "random", "top_k", "top_p", "min_p", "beam",
                "contrastive"), or one of `hornbook.samplers`, such as
                `TopKSampler(k=5, transforms=[RepetitionPenalty(1.2)])`; None leaves it as it is,
                at first "top_k".
            **options: of `keras.Model.compile`.
        """
        if sampler is not None:
            self.sampler = samplers.get(sampler)
        # Keras takes None for "as before", which here is never what was asked for.
        metrics = [] if weighted_metrics is None else weighted_metrics
        training = {"optimizer": optimizer, "loss": loss, "weighted_metrics": metrics}
        given = {
            name: v for name, v in training.items() if not (isinstance(v, str) and v == "auto")
        }
        if given or options or sampler is None or not self.compiled:
            super().compile(**{**self.default_compile(), **given, **options})

    @cached_property
    def engine(self) -> Engine:
        """What generates: token ids in, token ids out."""
        return Engine(self)

    def generate(
        self,
        inputs: Any,
        max_length: int | None = None,
        stop_token_ids: StopTokenIds = "auto",
        strip_prompt: bool = False,
        stream: bool = False,
        *,
        max_new_tokens: int | Sequence[int] | None = None,
        stop_strings: str | Sequence[str] | None = None,
        sampler: Any = None,
        seed: int | None = None,
        batch_size: int | None = None,
        draft: Any = None,
        draft_tokens: int = DRAFT_TOKENS,
    ) -> Any:
        """Continues texts, chats or token ids.

        Args:
            inputs: a text or several, a chat (a list of `{"role", "content"}` messages) or
                several, a `tf.data.Dataset` of texts, or `{"token_ids", "padding_mask"}`, each
                [batch, length].
            max_length: the length of the result in tokens, prompt included. By default the width
                of given token ids, else the preprocessor's `sequence_length`.
            stop_token_ids: tokens to stop after. "auto" takes those of the checkpoint, else the
                tokenizer's end token; None stops for the length alone.
            strip_prompt: return only what was generated, as is always done for chats.
            stream: return an iterator of pieces of text, which put together equal the result; for
                several prompts, of lists with a piece for each. Closing it stops the work. With
                beam search the text comes at once, when it is final.
            max_new_tokens: how many tokens are made at most, in all rows or in each; both limits
                hold if both are given.
            stop_strings: a text, or several, before which a generated text ends, wherever the
                borders of its tokens are. The stop string is not part of the result, nor of a
                stream, which holds back what could become one. Where the result is token ids,
                they end with the token that made it complete.
            sampler: for this call, instead of that of `compile`.
            seed: of the random numbers; None takes the sampler's.
            batch_size: how many prompts run at a time; as soon as one is done the next takes its
                place, so that many prompts of different lengths take less time and memory. None
                runs all at once. The texts are the same, in the order of the prompts.
            draft: guesses tokens, which this model checks several at a time, quicker where the
                guesses are often right: a smaller `CausalLM` with the same vocabulary, or
                "prompt_lookup", which guesses that the text repeats itself, while it does. That,
                and greedy search with a model, give the same tokens as without; other samplers
                draw from the same distribution.
            draft_tokens: how many tokens are guessed at a time.

        Returns:
            Text for a text or a chat, a list of texts for several, and for token ids a dict of
            `token_ids` int32 and `padding_mask` bool, each [batch, max_length]. From
            `BeamSampler(return_all_beams=True)` a list of texts for each text, best first, or
            arrays [batch, beams, max_length].

        Raises:
            GenerationError: when a prompt is longer than the limit, or the limit than the model's.

        Example:
            >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
            >>> backbone = GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
            >>> import numpy as np
            >>> inputs = {"token_ids": np.array([[3, 4, 0]]), "padding_mask": np.array([[1, 1, 0]])}
            >>> outputs = GPT2CausalLM(backbone).generate(inputs, stop_token_ids=None)
            >>> outputs["token_ids"].shape
            (1, 3)
        """
        options = TextOptions(
            max_length=max_length,
            max_new_tokens=max_new_tokens,
            stop_token_ids=stop_token_ids,
            stop_strings=stop_strings,
            strip_prompt=strip_prompt,
            sampler=sampler,
            seed=seed,
            batch_size=batch_size,
            draft=draft,
            draft_tokens=draft_tokens,
        )
        return generate_text(self, inputs, options, stream)

    def score(
        self, inputs: Any, continuations: Any = None, *, batch_size: int = 32
    ) -> ScoredTokens | list[ScoredTokens] | np.ndarray:
        """Gives the log-probability of each token of texts, given all tokens before it.

        The first token has none, unless the tokenizer puts a start token before it, which is not
        scored itself. Texts of like lengths run together, and the logits of only a few hundred
        tokens exist at a time.

        KerasNLP's `score(token_ids, padding_mask, scoring_mode="loss", target_ids)` gives
        `-score` one place to the left, where the token is predicted; logits are what calling the
        model gives.

        Args:
            inputs: a text or several, a chat or several, or `{"token_ids", "padding_mask"}`, each
                [batch, length], padded on the right.
            continuations: a text for each of the texts in `inputs`, which then are prompts:
                only the continuation's tokens are scored. Text and continuation are tokenized as
                one, so that a space between them belongs to either; a token with characters of
                both is scored.
            batch_size: how many texts run at a time.

        Returns:
            `ScoredTokens` for a text, a list of them for several; for token ids float32
            [batch, length], the score of each, and 0 where there is none: the first and padding.

        Raises:
            GenerationError: when a text is longer than the model's `max_sequence_length`.

        Example:
            >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
            >>> backbone = GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
            >>> import numpy as np
            >>> inputs = {"token_ids": np.array([[3, 4, 0]]), "padding_mask": np.array([[1, 1, 0]])}
            >>> GPT2CausalLM(backbone).score(inputs).shape
            (1, 3)
        """
        return score_inputs(self, inputs, continuations, batch_size)

    @property
    def logits_product(self) -> LayerKernel | None:
        """What multiplies hidden states, if `project` does nothing else, in the kernel's dtype."""
        embedding, head = self.backbone.token_embedding, self.lm_head
        layer = embedding if head is None else head
        is_plain = type(self).project is CausalLM.project
        is_plain = is_plain and self.backbone.assembly.logit_softcap is None
        if not is_plain or layer.compute_dtype != layer.variable_dtype:
            return None
        if head is not None:
            return LayerKernel(head, head.kernel) if can_join((head,)) else None
        is_other = embedding.reverse_dtype not in (None, embedding.compute_dtype)
        return None if is_other else LayerKernel(embedding, embedding.reverse_kernel)

    def project(self, hidden: Any) -> Any:
        """Logits [batch, length, vocabulary] of hidden states [batch, length, hidden_dim]."""
        if self.lm_head is None:
            logits = self.backbone.token_embedding(hidden, reverse=True)
        else:
            logits = self.lm_head(hidden)
        return softcapped(logits, self.backbone.assembly.logit_softcap)
