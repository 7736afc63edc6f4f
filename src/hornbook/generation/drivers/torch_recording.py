"""Recording the calls of torch that a function makes, to make the same calls again without it.

A step of generation is some 600 calls of torch, and on the way to them the layers of Keras take
longer than the calls on small batches. `torch.fx` and `torch.compile` could record them too, in
2 and 20 seconds; this takes a tenth of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optree
import torch
from torch.overrides import TorchFunctionMode

LOOKS_AT_VALUES = frozenset(
    ("__bool__", "__int__", "__float__", "__index__", "__array__", "item", "tolist", "numpy")
)
"""What makes Python depend on numbers, which a recording can't follow."""
REPEATED = frozenset(
    ("__getitem__", "add", "arange", "as_tensor", "long", "lt", "sub", "to", "unsqueeze", "where")
)
"""What every layer calls anew with the same arguments, such as for a token's place in the cache."""
PLAIN = (int, float, str, slice, torch.dtype, torch.device, type(None))
"""Arguments that are told apart by how they are written."""


class NotRecordableError(Exception):
    """The function looked at a tensor's values, so that its calls may differ next time."""


@dataclass(frozen=True)
class _Slot:
    """Stands for a tensor of the recording's memory among a call's arguments."""

    index: int


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]
    leaves: tuple[Any, ...]
    structure: Any  # of the arguments, where they are not just the leaves
    outputs: tuple[int, ...]  # slots; more than one where it returns a tuple or list


class Recording:
    """The calls that a function made, with new tensors in the place of its inputs.

    Tensors that the function found elsewhere, such as weights, are used as they are, where they
    are. Whatever it did beside calling torch is not repeated.

    Example:
        >>> scale = torch.tensor([2.0])
        >>> x = torch.tensor([3.0])
        >>> with Recorder([x]) as recorder:
        ...     y = x * scale + 1
        >>> y.item(), recorder.recording([y])([torch.tensor([4.0])])[0].item()
        (7.0, 9.0)
    """

    def __init__(self, memory: list[Any], calls: list[_Call], outputs: list[int]) -> None:
        self._memory = memory
        self._calls = calls
        self._outputs = outputs

    def __call__(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Makes the calls on other inputs, of the same shapes and dtypes."""
        memory = self._memory.copy()
        memory[: len(inputs)] = inputs
        for call in self._calls:
            leaves = [memory[x.index] if type(x) is _Slot else x for x in call.leaves]
            if call.structure is None:
                result = call.function(*leaves)
            else:
                args, kwargs = call.structure.unflatten(leaves)
                result = call.function(*args, **kwargs)
            if len(call.outputs) == 1:
                memory[call.outputs[0]] = result
            elif call.outputs:
                for index, tensor in zip(call.outputs, result, strict=True):
                    memory[index] = tensor
        return [memory[index] for index in self._outputs]


class Recorder(TorchFunctionMode):
    """Records the calls of torch that are made within it.

    Args:
        inputs: the tensors that the recording will be given others for.

    Raises:
        NotRecordableError: within it, where values are looked at.
    """

    def __init__(self, inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.memory: list[Any] = []
        self.slots: dict[int, int] = {}
        self.made: list[torch.Tensor] = []  # kept alive, so that no id is used twice
        self.calls: list[_Call] = []
        self.results = _Results()
        for tensor in inputs:
            self.memory.append(None)
            self._name(tensor, len(self.memory) - 1)

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
            self.results.forget(kwargs.get("out", args[0]))
        if changes or not self._is_known(result, args):
            self._add(function, args, kwargs, result)
            self.results.keep(function, args, kwargs, result)
        return result

    def recording(self, outputs: Sequence[torch.Tensor]) -> Recording:
        """What was recorded, giving those of the tensors that were made."""
        return Recording(self.memory, self.calls, [self._slot(tensor).index for tensor in outputs])

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
        outputs = result if isinstance(result, tuple | list) else (result,)
        indices = tuple(self._slot(x, new=True).index for x in outputs if x is not None)
        self.calls.append(_Call(function, tuple(leaves), None if flat else structure, indices))

    def _slot(self, tensor: torch.Tensor, new: bool = False) -> _Slot:
        if id(tensor) not in self.slots:
            self.memory.append(None if new else tensor)
            self._name(tensor, len(self.memory) - 1)
        return _Slot(self.slots[id(tensor)])

    def _name(self, tensor: torch.Tensor, index: int) -> None:
        self.slots[id(tensor)] = index
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
