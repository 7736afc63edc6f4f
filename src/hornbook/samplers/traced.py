"""Values whose numbers may change without a new compilation."""

import copy
from typing import Any, ClassVar, Self


class Traced:
    """Names those of its attributes that are tensors while a program is traced.

    A program is compiled for a `trace_key`, and given `traced_values` with every call.
    """

    traced: ClassVar[tuple[str, ...]] = ()
    """Attributes, numbers or tuples of them: changing them compiles nothing."""

    @property
    def trace_key(self) -> tuple[Any, ...]:
        """Equal for two values whose computations differ only in the `traced` numbers."""
        fixed = sorted(
            (name, _identity(value))
            for name, value in vars(self).items()
            if name not in self.traced
        )
        return (type(self), tuple(fixed))

    def traced_values(self) -> tuple[Any, ...]:
        """The numbers of `traced`, in its order."""
        return tuple(_floats(getattr(self, name)) for name in self.traced)

    def with_traced_values(self, values: tuple[Any, ...]) -> Self:
        """A copy with tensors for the numbers of `traced`."""
        bound = copy.copy(self)
        vars(bound).update(zip(self.traced, values, strict=True))
        return bound


def _floats(value: Any) -> Any:
    return tuple(map(float, value)) if isinstance(value, tuple) else float(value)


def _identity(value: Any) -> Any:
    """The value, or what tells it from others if it is no plain one."""
    plain = (int, float, str, bool, tuple, type(None))
    return value if isinstance(value, plain) else ("id", id(value))
