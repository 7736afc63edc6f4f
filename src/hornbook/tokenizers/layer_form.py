"""What code written for layers calls tokenizers, preprocessors and packers by."""

from typing import Any


class LayerForm:
    """The calling form of a Keras layer, for what reads text and so can be none.

    See docs/decisions/preprocessors_are_callables.md.
    """

    def call(self, *inputs: Any, **options: Any) -> Any:
        """The same as calling it, which is what layers are called by from within others."""
        return self(*inputs, **options)  # type: ignore[operator]  # each class is callable
