import numpy as np
import pytest

from generation.tiny_decoder import TinyModel
from generation.tiny_task import tiny_task
from hornbook.generation import Engine


@pytest.fixture(scope="session")
def model():
    return TinyModel()


@pytest.fixture(scope="session")
def engine(model):
    """Compiles its programs once for all tests; who counts them makes an engine of their own."""
    return Engine(model)


@pytest.fixture(scope="session")
def task():
    return tiny_task()


@pytest.fixture
def prompts():
    """Rows of very different lengths, one of them a full bucket."""
    random = np.random.default_rng(3)
    return [random.integers(0, 37, size=length).tolist() for length in (16, 3, 1, 9)]
