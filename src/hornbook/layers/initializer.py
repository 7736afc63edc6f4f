"""Initializers that several bricks are given."""

from typing import Any

import keras


def own_initializer(initializer: Any) -> Any:
    """An initializer for one variable alone, from a name, a config or a shared instance.

    An unseeded initializer of Keras draws the same values each time it is called: shared between
    variables, it would make them all alike. A copy draws its own.
    """
    initializer = keras.initializers.get(initializer)
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer
