"""A model that is made, not loaded, starts from sound values."""

import itertools

import keras
import numpy as np
import pytest

from conformance.cases import CASES, FIRST_CASES, every
from conformance.closeness import as_numpy
from hornbook.layers import RMSNormalization

pytestmark = pytest.mark.mechanism


@every(CASES)
def test_no_two_matrices_are_alike(case):
    keras.utils.set_random_seed(0)
    model = case.backbone_class(**vars(case.config))
    matrices = {v.path: as_numpy(v).ravel()[:20] for v in model.trainable_variables if v.ndim > 1}
    for (one, first), (other, second) in itertools.combinations(matrices.items(), 2):
        assert not (first == second).all(), (one, other)
        # Nor is one a multiple of the other.
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.95, (one, other)


def layers_of(model, kind):
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


@every(FIRST_CASES)
def test_matrices_have_the_config_s_deviation(case):
    keras.utils.set_random_seed(0)
    model = case.backbone_class(**vars(case.config))
    fresh = {v.path: 1 for v in model.trainable_variables if v.name == "scale"}
    fresh |= {n.scale.path: 1 - n.offset for n in layers_of(model, RMSNormalization)}
    for variable in model.trainable_variables:
        value = as_numpy(variable)
        if variable.ndim > 1:
            chance = 5 / value.size**0.5
            # Truncation at two deviations takes an eighth of the deviation away.
            tolerance = chance + 0.12
            assert value.std() == pytest.approx(case.config.initializer_range, rel=tolerance)
            assert abs(value.mean()) < chance * case.config.initializer_range
        else:
            assert (value == fresh.get(variable.path, 0)).all()


@every(FIRST_CASES)
def test_a_seed_makes_them_again(case):
    def weights():
        keras.utils.set_random_seed(3)
        return [as_numpy(v) for v in case.backbone_class(**vars(case.config)).weights]

    for one, other in zip(weights(), weights(), strict=True):
        assert (one == other).all()
