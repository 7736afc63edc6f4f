"""From LLVM's text to machine code."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from hornbook.native.processor import Processor

OPTIMIZATION = 3


def compiled(text: str, names: Sequence[str], processor: Processor) -> list[int]:
    """Compiles LLVM's text of a module for the processor, and gives some functions' addresses.

    The machine code is there as long as the process is: threads may be in it until the end.
    """
    from llvmlite import binding

    module = binding.parse_assembly(text)
    module.verify()
    engine = binding.create_mcjit_compiler(module, _machine(processor))
    engine.finalize_object()
    addresses = [int(engine.get_function_address(name)) for name in names]
    engine.detach()
    return addresses


@cache
def _triple() -> str:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return str(binding.get_process_triple())


def _machine(processor: Processor) -> Any:
    from llvmlite import binding

    target = binding.Target.from_triple(_triple())
    return target.create_target_machine(processor.name, processor.features, OPTIMIZATION, jit=True)
