"""Recording the calls of torch that a function makes, to make the same calls again without it.

A step of generation is some 600 calls of torch, and on the way to them the layers of Keras take
longer than the calls on small batches. `torch.fx` and `torch.compile` could record them too, in
2 and 20 seconds; this takes a tenth of one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optree
import torch
from torch.overrides import TorchFunctionMode

MAKES_CONSTANTS = frozenset(
    ("arange", "as_tensor", "full", "ones", "scalar_tensor", "tensor", "zeros")
)
"""What gives the same each time, unless its arguments are tensors; some take numbers to a GPU."""
LOOKS_AT_VALUES = frozenset(
    ("__bool__", "__int__", "__float__", "__index__", "__array__", "item", "tolist", "numpy")
)
"""What makes Python depend on numbers, which a recording can't follow."""
REPEATED = frozenset(
    (
        "__getitem__",
        "add",
        "arange",
        "as_tensor",
        "cat",
        "long",
        "lt",
        "neg",
        "sub",
        "to",
        "unsqueeze",
        "where",
    )
)
"""What every layer calls anew with the same arguments, such as for a token's place in the cache."""
LITERALS = (bool, int, str, type(None))
"""Arguments that are written into a recording's source."""
PLAIN = (int, float, str, slice, torch.dtype, torch.device, type(None))
"""Arguments that are told apart by how they are written."""


class NotRecordableError(Exception):
    """The function looked at a tensor's values, so that its calls may differ next time."""


@dataclass(frozen=True)
class _Slot:
    """Stands for one of the recording's tensors among a call's arguments."""

    index: int


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]
    leaves: tuple[Any, ...]
    structure: Any  # of the arguments, where they are not just the leaves
    outputs: tuple[int | None, ...]  # slots of its tensors
    gives_several: bool  # a tuple or list of them, and not one


Recording = Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]
"""Makes recorded calls on other inputs, of the same shapes and dtypes.

Tensors that were found elsewhere, such as weights, are used as they are, where they are. Whatever
was done beside calling torch is not repeated.
"""


def _written(
    inputs: int, constants: Mapping[int, Any], calls: list[_Call], outputs: list[int]
) -> Recording:
    """The calls as a function of Python, a line each.

    Going through them in a loop would take another 2 us for each, half as long as many take.
    """
    last_use = {slot: place for place, call in enumerate(calls) for slot in _slots_of(call)}
    names = _Names(constants, last_use | dict.fromkeys(outputs, len(calls)))
    lines = [f"{names.made(range(inputs))} = inputs"]
    names.forget(range(inputs), -1)
    for place, call in enumerate(calls):
        args, kwargs = (
            (call.leaves, {}) if call.structure is None else call.structure.unflatten(call.leaves)
        )
        given = [names.of(value) for value in args]
        given += [f"{key}={names.of(value)}" for key, value in kwargs.items()]
        line = f"{names.of(call.function)}({', '.join(given)})"
        names.forget(_slots_of(call), place)
        if call.outputs:
            made = names.made(call.outputs)
            line = f"{made if call.gives_several else made.rstrip(', ')} = {line}"
            names.forget(call.outputs, place)
        lines.append(line)
    lines.append(f"return [{', '.join(names.of(_Slot(slot)) for slot in outputs)}]")
    source = "def run(inputs):\n" + "".join(f"    {line}\n" for line in lines)
    exec(compile(source, "<recorded calls>", "exec"), names.values)  # noqa: S102, names and literals alone
    run: Recording = names.values["run"]
    return run


class _Names:
    """What tensors and other values are called in the source of a function.

    A local name is given to another tensor as soon as nothing needs the one that had it, so that
    its memory is used again while it is in the processor's cache.
    """

    def __init__(self, constants: Mapping[int, Any], last_use: Mapping[int, int]) -> None:
        self.values: dict[str, Any] = {}
        self._of_slots = {slot: self._global(tensor) for slot, tensor in constants.items()}
        self._constants = frozenset(constants)
        self._last_use = last_use
        self._free: list[str] = []
        self._count = 0

    def of(self, value: Any) -> str:
        """An expression for an argument."""
        if isinstance(value, _Slot):
            return self._of_slots[value.index]
        if type(value) is tuple:
            return f"({''.join(f'{self.of(x)}, ' for x in value)})"
        if type(value) is list:
            return f"[{', '.join(map(self.of, value))}]"
        return repr(value) if type(value) in LITERALS else self._global(value)

    def made(self, slots: Iterable[int | None]) -> str:
        """Targets for tensors that a call gives, with a comma behind each."""
        return "".join(f"{self._local(slot)}, " for slot in slots)

    def forget(self, slots: Iterable[int | None], place: int) -> None:
        """Frees the names of tensors that nothing after a call needs."""
        for slot in slots:
            if slot is None or slot in self._constants or self._last_use.get(slot, -1) > place:
                continue
            name = self._of_slots.pop(slot, None)
            if name is not None:
                self._free.append(name)

    def _local(self, slot: int | None) -> str:
        if slot is None or slot in self._constants:
            return "_"
        if slot not in self._of_slots:
            if not self._free:
                self._free.append(f"t{self._count}")
                self._count += 1
            self._of_slots[slot] = self._free.pop()
        return self._of_slots[slot]

    def _global(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return name


def _slots_of(call: _Call) -> list[int]:
    return [leaf.index for leaf in call.leaves if isinstance(leaf, _Slot)]


class Recorder(TorchFunctionMode):
    """Records the calls of torch that are made within it.

    Args:
        inputs: the tensors that the recording will be given others for.

    Raises:
        NotRecordableError: within it, where values are looked at.

    Example:
        >>> scale = torch.tensor([2.0])
        >>> x = torch.tensor([3.0])
        >>> with Recorder([x]) as recorder:
        ...     y = x * scale + 1
        >>> y.item(), recorder.recording([y])([torch.tensor([4.0])])[0].item()
        (7.0, 9.0)
    """

    def __init__(self, inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.inputs = len(inputs)
        self.constants: dict[int, torch.Tensor] = {}
        self.slots: dict[int, int] = {}
        # Or found, by slot; kept alive, so that no id is used twice.
        self.made: list[torch.Tensor] = []
        self.calls: list[_Call] = []
        self.changed: set[int] = set()  # the storages that were written to
        self.results = _Results()
        for tensor in inputs:
            self._name(tensor)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in LOOKS_AT_VALUES:
            raise NotRecordableError(name)
        repeated = self.results.find(function, args, kwargs)
        if repeated is not None:
            return repeated
        result = function(*args, **kwargs)
        changes = "out" in kwargs or name == "__setitem__" or name.strip("_") + "_" == name
        if changes:
            changed = kwargs.get("out", args[0])
            self.changed |= _memory_of(changed)
            self.results.forget(changed)
        if changes or not self._is_known(result, args):
            self._add(function, args, kwargs, result)
            self.results.keep(function, args, kwargs, result)
        return result

    def recording(self, outputs: Sequence[torch.Tensor]) -> Recording:
        """What was recorded, giving those of the tensors that were made."""
        slots = [self._slot(tensor).index for tensor in outputs]
        self.changed |= _memory_of(list(outputs))  # they are the caller's
        calls, constants = self._without_constants()
        return _written(self.inputs, constants, calls, slots)

    def _without_constants(self) -> tuple[list[_Call], dict[int, torch.Tensor]]:
        """The calls but for those that always give the same, and what these gave."""
        calls: list[_Call] = []
        constants = dict(self.constants)
        folded: set[int] = set()
        for call in self.calls:
            slots = set(_slots_of(call))
            name = getattr(call.function, "__name__", "")
            same = name in MAKES_CONSTANTS if not slots else name in REPEATED and slots <= folded
            made = [slot for slot in call.outputs if slot is not None]
            if same and not any(_memory_of(self.made[slot]) & self.changed for slot in made):
                folded.update(made)
                constants.update((slot, self.made[slot]) for slot in made)
            else:
                calls.append(call)
        return calls, constants

    def _is_known(self, result: Any, args: Any) -> bool:
        """Whether a call gave nothing new: no tensor, or one that it was given."""
        tensors = [x for x in optree.tree_leaves(result) if isinstance(x, torch.Tensor)]
        given = {id(x) for x in args}
        return all(id(tensor) in self.slots or id(tensor) in given for tensor in tensors)

    def _add(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        tree: Any = (args, kwargs)
        leaves: list[Any]
        leaves, structure = optree.tree_flatten(tree, none_is_leaf=True)
        if any(isinstance(x, slice) and _has_tensor(x) for x in leaves):
            raise NotRecordableError("a slice between tensors")
        flat = not kwargs and not any(isinstance(x, tuple | list | dict) for x in args)
        leaves = [self._slot(x) if isinstance(x, torch.Tensor) else x for x in leaves]
        several = isinstance(result, tuple | list)
        outputs = tuple(
            None if x is None else self._slot(x, new=True).index
            for x in (result if several else (result,))
        )
        self.calls.append(
            _Call(function, tuple(leaves), None if flat else structure, outputs, several)
        )

    def _slot(self, tensor: torch.Tensor, new: bool = False) -> _Slot:
        if id(tensor) not in self.slots:
            self._name(tensor)
            if not new:
                self.constants[self.slots[id(tensor)]] = tensor
        return _Slot(self.slots[id(tensor)])

    def _name(self, tensor: torch.Tensor) -> None:
        self.slots[id(tensor)] = len(self.made)
        self.made.append(tensor)


class _Results:
    """What calls gave that need not be made again, until memory that they saw is written to."""

    def __init__(self) -> None:
        self._kept: dict[Any, torch.Tensor] = {}
        self._seen: dict[int, set[Any]] = {}  # by storage, the calls that saw it

    def find(self, function: Any, args: Any, kwargs: Any) -> torch.Tensor | None:
        """What the same call gave, or None."""
        return self._kept.get(self._key(function, args, kwargs))

    def keep(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Keeps what a call gave, if the same call would give the same."""
        key = self._key(function, args, kwargs)
        if key is not None and isinstance(result, torch.Tensor):
            self._kept[key] = result
            for memory in _memory_of((args, kwargs, result)):
                self._seen.setdefault(memory, set()).add(key)

    def forget(self, changed: Any) -> None:
        """Forgets what was made of tensors that are changed in place."""
        for memory in _memory_of(changed):
            for key in self._seen.pop(memory, ()):
                self._kept.pop(key, None)

    def _key(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Equal for equal calls; None for those that may give something else again."""
        if getattr(function, "__name__", "") not in REPEATED:
            return None
        tree: Any = (args, kwargs)
        leaves: list[Any]
        leaves, structure = optree.tree_flatten(tree, none_is_leaf=True)
        if not all(isinstance(x, (torch.Tensor, *PLAIN)) for x in leaves):
            return None
        named = (id(x) if isinstance(x, torch.Tensor) else repr(x) for x in leaves)
        return (function, structure, *named)


def _memory_of(tree: Any) -> set[int]:
    """The storages of all tensors."""
    tensors = [x for x in optree.tree_leaves(tree) if isinstance(x, torch.Tensor)]
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


def _has_tensor(part: slice) -> bool:
    return any(isinstance(x, torch.Tensor) for x in (part.start, part.stop, part.step))
