"""The kernels that a GPU runs for a token under JAX, with their times where there is a GPU.

    python -m venv /tmp/gpu && /tmp/gpu/bin/pip install . jax-cuda13-plugin jax-cuda13-pjrt
    /tmp/gpu/bin/python benchmarks/gpu_step.py --shape decoder-1b --batch 1 --slots 256

Without one, XLA compiles for one that is described to it, and the kernels of `JaxProgram`'s step
are shown in their order, named as a profile names them, with what they give. XLA times nothing
then: on a device it may choose other kernels for products.
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
STEPS = 20
NO_KERNELS = ("parameter", "get-tuple-element", "bitcast", "tuple", "constant")
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%(\S+) = (.+?) ([\w-]+)\((.*?)\)(?:, |$)")


def described_device() -> Any:
    """The device, for whose plugin a missing driver is no reason to stop."""
    from jax.experimental import topologies

    try:
        from jax_plugins import xla_cuda13
    except ImportError:
        raise SystemExit(
            "There is no GPU here, and nothing that compiles for one; "
            "`pip install jax-cuda13-plugin jax-cuda13-pjrt`, of the version of jax"
        ) from None

    xla_cuda13._check_cuda_versions = lambda **options: None
    topology = topologies.get_topology_desc("", "cuda", target_config=DEVICE, topology="1x1x1")
    return topology.devices[0]


def made_step(shape: str, dtype: str, batch: int, slots: int) -> tuple[Any, Any]:
    """The step of a model with random weights, and its arguments."""
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
    lengths, open_rows = np.full(batch, slots // 2, np.int32), np.zeros(batch, bool)
    tokens = np.ones((batch, slots), np.int32)
    rows = Rows(
        tokens, tokens[:, 0], lengths, lengths, np.full(batch, slots, np.int32), open_rows,
        tokens.astype("float32"), -tokens[:, :1],
    )  # fmt: skip
    cache = model.backbone.init_cache(batch, model.backbone.cache_slots(slots, 0))
    return program._step, (program._weights.values(), [], (rows.parts(), cache), ((),))


def compiled(step: Any, arguments: Any, device: Any) -> str:
    """The step's program for a device, in XLA's words."""
    sharding = jax.sharding.SingleDeviceSharding(device)
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), arguments
    )
    return step.trace(*shapes).lower(lowering_platforms=("cuda",)).compile().as_text()


def profiled(step: Any, arguments: Any, steps: int) -> Counter[str]:
    """The seconds of each kernel in so many steps, on the GPU that there is."""
    weights, own, parts, values = arguments
    parts, own, _ = step(weights, own, parts, values)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(steps):
                parts, own, done = step(weights, own, parts, values)
            done.block_until_ready()
        (path,) = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(path))
        seconds: Counter[str] = Counter()
        for plane in data.planes:
            if "GPU" in plane.name:
                for line in plane.lines:
                    for event in line.events:
                        seconds[event.name] += event.duration_ns * 1e-9
    return seconds


def kernels(text: str) -> list[tuple[str, str, str]]:
    """The name, the operation and what it gives, of each kernel."""
    found = map(INSTRUCTION.match, text[text.index("\nENTRY ") :].splitlines())
    steps = [(m[1], m[3], re.sub(r"\{[^}]*\}|/\*.*?\*/", "", m[2])) for m in found if m]
    return [step for step in steps if step[1] not in NO_KERNELS]


def main() -> None:
    from hornbook.bench.models import shape_names

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    decoders = [name for name in shape_names() if "encoder" not in name]
    parser.add_argument("--shape", default="decoder-1b", choices=decoders)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--slots", type=int, default=256)
    options = parser.parse_args()
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*"))  # asking JAX would fix its devices
    device = None if has_gpu else described_device()
    step, arguments = made_step(options.shape, options.dtype, options.batch, options.slots)
    if has_gpu:
        seconds = profiled(step, arguments, STEPS)
        for name, total in seconds.most_common():
            print(f"{name:40} {total / STEPS * 1e6:8.2f} us a token")
        print(f"{seconds.total() / STEPS * 1e6:.0f} us a token")
        return
    steps = kernels(compiled(step, arguments, device))
    for name, operation, gives in steps:
        print(f"{name:40} {operation:12} {gives}")
    print(len(steps), "kernels:", dict(Counter(operation for _, operation, _ in steps)))


if __name__ == "__main__":
    main()
