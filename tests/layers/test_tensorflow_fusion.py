import numpy as np
import pytest

pytestmark = pytest.mark.backends("tensorflow")


@pytest.fixture
def program():
    """A function that is fused, and how often each of its forms was made."""
    import tensorflow as tf

    from hornbook.layers.tensorflow_fusion import fused

    made = []

    @fused
    def program(x, factor):
        made.append("in a graph" if not tf.executing_eagerly() else "at once")
        return tf.tanh(x) * factor

    return program, made


def operations(graph):
    return [operation.type for operation in graph.get_operations()]


def test_calls_of_one_shape_share_a_program(program):
    import tensorflow as tf

    fused, made = program
    x, factor = tf.ones((3, 4, 5)), tf.constant(2.0)
    signature = [tf.TensorSpec((None, 4, 5)), tf.TensorSpec(())]
    twice = tf.function(lambda x, y: fused(fused(x, y), y), input_signature=signature)
    twice = twice.get_concrete_function()
    assert made == ["in a graph"]
    assert "Tanh" not in operations(twice.graph)
    expected = np.tanh(np.tanh(1.0) * 2) * 2
    for rows in (3, 2, 0):
        outputs = twice(x[:rows], factor)
        np.testing.assert_allclose(outputs, np.full((rows, 4, 5), expected), rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, None, 5), (None, 5), None])
def test_a_number_that_may_be_any_is_left_to_tensorflow(program, shape):
    """XLA would compile the function for each."""
    import tensorflow as tf

    fused, _ = program
    signature = [tf.TensorSpec(shape), tf.TensorSpec(())]
    graph = tf.function(fused, input_signature=signature).get_concrete_function().graph
    assert "Tanh" in operations(graph)


@pytest.mark.parametrize(("rows", "is_left"), [(3, True), (3000, False)])
def test_few_numbers_are_left_to_tensorflow(program, rows, is_left):
    """Their calls are over before one of XLA has begun."""
    import tensorflow as tf

    fused, _ = program
    signature = [tf.TensorSpec((rows, 4, 8)), tf.TensorSpec(())]
    graph = tf.function(fused, input_signature=signature).get_concrete_function().graph
    assert ("Tanh" in operations(graph)) is is_left


def test_at_once_nothing_is_compiled(program):
    import tensorflow as tf

    fused, made = program
    fused(tf.ones((3, 4, 5)), tf.constant(2.0))
    assert made == ["at once"]
