"""Gated decoders of which some layers, or all, have experts in the place of one network."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hornbook.checkpoints.config_map import Field
from hornbook.checkpoints.weight_map import Map
from hornbook.checkpoints.weight_ops import Stack
from hornbook.families.described import DescribedConfig
from hornbook.families.gated_decoder import initializer
from hornbook.layers.load_balance import LoadBalance
from hornbook.layers.mixture_of_experts import MixtureOfExperts


@dataclass(frozen=True, kw_only=True)
class ExpertLayers(DescribedConfig):
    """What a config says of its experts.

    Attributes:
        num_experts: networks in a layer that has experts.
        top_k: how many of them each token uses.
        output_router_logits: whether training adds the loss by which routers learn to use all
            experts alike. A model made from sizes does; a checkpoint whose file doesn't say so
            doesn't, as in transformers, whose name this is.
        router_aux_loss_coefficient: weight of that loss.
    """

    num_experts: int = 8
    top_k: int = 2
    output_router_logits: bool = True
    router_aux_loss_coefficient: float = 0.001


def mixture(config: Any, intermediate_dim: int, **changes: Any) -> MixtureOfExperts:
    """A layer's experts; `changes` are arguments of `MixtureOfExperts`."""
    options: dict[str, Any] = {
        "kernel_initializer": initializer(config),
        "name": "feed_forward",
    }
    return MixtureOfExperts(
        config.num_experts, config.top_k, intermediate_dim, config.activation, **options | changes
    )


def load_balance(config: Any) -> LoadBalance | None:
    """The loss of all layers' routers, where training has one."""
    if not config.output_router_logits:
        return None
    weight = config.router_aux_loss_coefficient
    return LoadBalance(config.top_k, weight, name="load_balance")


CONFIG = (
    Field("num_experts_per_tok", "top_k", 2),
    Field("router_aux_loss_coef", "router_aux_loss_coefficient", 0.001),
    Field("output_router_logits", "output_router_logits", False),
)
"""The keys that all such families have."""


@dataclass(frozen=True, kw_only=True)
class SparseLayers(ExpertLayers):
    """What a config says of layers with many small experts among layers with one network.

    Attributes:
        moe_intermediate_dim: width of one expert.
        norm_top_k_prob: whether the weights of a token's experts add up to 1.
        decoder_sparse_step: every layer of this number has experts, counted from 1.
        mlp_only_layers: layers that have none nevertheless, counted from 0.
    """

    moe_intermediate_dim: int = 1408
    norm_top_k_prob: bool = False
    decoder_sparse_step: int = 1
    mlp_only_layers: tuple[int, ...] = ()

    def has_experts(self, index: int) -> bool:
        """Whether a layer has experts."""
        return index not in self.mlp_only_layers and (index + 1) % self.decoder_sparse_step == 0


SPARSE_CONFIG = (
    *CONFIG,
    Field("moe_intermediate_size", "moe_intermediate_dim", 1408),
    Field("norm_topk_prob", "norm_top_k_prob", False),
    Field("decoder_sparse_step", "decoder_sparse_step", 1),
    Field("mlp_only_layers", "mlp_only_layers", lambda raw: []),
)


def with_experts(config: Any) -> Iterator[int]:
    """The layers that have experts."""
    return (i for i in range(config.num_layers) if config.has_experts(i))


def without_experts(config: Any) -> Iterator[int]:
    """The layers that have one network."""
    return (i for i in range(config.num_layers) if not config.has_experts(i))


LAYER, BRICK = "model.layers.{i}.mlp.", "layers_{i}/feed_forward/"
KERNELS = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"}

SPARSE_WEIGHTS = (
    Map(LAYER + "gate.weight", BRICK + "router/kernel", layers=with_experts),
    *(
        Map(
            f"{LAYER}experts.{{e}}.{tensor}.weight",
            f"{BRICK}experts/{kernel}",
            Stack(),
            layers=with_experts,
        )
        for kernel, tensor in KERNELS.items()
    ),
    *(
        Map(f"{LAYER}{tensor}.weight", f"{BRICK}{kernel}/kernel", layers=without_experts)
        for kernel, tensor in KERNELS.items()
    ),
)
"""A layer's experts, or its one network."""
