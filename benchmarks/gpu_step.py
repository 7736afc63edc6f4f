"""What a GPU would launch for a token, without a GPU: XLA compiles for one that is described to it.

    python -m venv /tmp/gpu && /tmp/gpu/bin/pip install . jax-cuda13-plugin jax-cuda13-pjrt
    /tmp/gpu/bin/python benchmarks/gpu_step.py --shape decoder-1b --batch 1 --slots 256

Prints the kernels of `JaxProgram`'s step in their order, named as a profile names them, with what
they read and write. XLA times nothing here: on a device it may choose other kernels for products.
"""

import argparse
import os
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import numpy as np

# An H200: its own description, as `device_description.proto` of XLA names the fields.
DEVICE = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  memory_bandwidth: 4800000000000 l2_cache_size: 52428800 device_memory_size: 151397597184
  cuda_compute_capability { major: 9 feature_extension: ACCELERATED_FEATURES }
  device_address_bits: 64 pcie_bandwidth: 34359738368 ecc_enabled: true
  device_vendor: "NVIDIA Corporation" name: "NVIDIA H200"
  platform_version: "Compute Capability 9.0a"
  driver_version: "13.0.0" runtime_version: "13.0.0" compile_time_toolkit_version: "13.0.0"
  dnn_version: "9.10.0"
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 patch: 0 }
device_description_str: "NVIDIA H200"
"""
NO_KERNELS = ("parameter", "get-tuple-element", "bitcast", "tuple", "constant")
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%(\S+) = (.+?) ([\w-]+)\((.*?)\)(?:, |$)")


def described_device() -> Any:
    """The device, for whose plugin a missing driver is no reason to stop."""
    from jax.experimental import topologies
    from jax_plugins import xla_cuda13

    xla_cuda13._check_cuda_versions = lambda **options: None
    topology = topologies.get_topology_desc("", "cuda", target_config=DEVICE, topology="1x1x1")
    return topology.devices[0]


def compiled_step(shape: str, dtype: str, batch: int, slots: int, device: Any) -> str:
    """The step's program, in XLA's words."""
    from hornbook.bench.models import open_model
    from hornbook.generation.drivers.jax import JaxProgram
    from hornbook.models import CausalLM
    from hornbook.samplers import GreedySampler
    from hornbook.samplers.rows import Rows

    with tempfile.TemporaryDirectory() as folder:
        path = open_model(shape, Path(folder)).folder
        model = CausalLM.from_preset(path, load_weights=False, preprocessor=None, dtype=dtype)
    jax.default_backend = lambda: "gpu"  # which all choices are made by
    program = JaxProgram(model, GreedySampler(), lambda: None)
    counts, flags = np.zeros(batch, np.int32), np.zeros(batch, bool)
    table = np.zeros((batch, slots), np.int32)
    rows = Rows(
        table, counts, counts, counts, counts, flags, table.astype("float32"), counts[:, None]
    )
    backbone = model.backbone
    cache = jax.eval_shape(lambda: backbone.init_cache(batch, backbone.cache_slots(slots, 0)))
    arguments: Any = (program._weights.values(), [], (rows.parts(), cache), ((),))
    sharding = jax.sharding.SingleDeviceSharding(device)
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), arguments
    )
    return program._step.trace(*shapes).lower(lowering_platforms=("cuda",)).compile().as_text()


def kernels(text: str) -> list[tuple[str, str, str]]:
    """The name, the operation and what it gives, of each kernel."""
    found = map(INSTRUCTION.match, text[text.index("\nENTRY ") :].splitlines())
    steps = [(m[1], m[3], re.sub(r"\{[^}]*\}|/\*.*?\*/", "", m[2])) for m in found if m]
    return [step for step in steps if step[1] not in NO_KERNELS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="decoder-1b")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--slots", type=int, default=256)
    options = parser.parse_args()
    device = described_device()
    text = compiled_step(options.shape, options.dtype, options.batch, options.slots, device)
    steps = kernels(text)
    for name, operation, gives in steps:
        print(f"{name:40} {operation:12} {gives}")
    print(len(steps), "kernels:", dict(Counter(operation for _, operation, _ in steps)))


if __name__ == "__main__":
    main()
