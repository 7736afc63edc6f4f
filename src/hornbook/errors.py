"""The one exception tree: every error that hornbook raises on purpose.

Each message says what was given, what was expected and what to do about it. The command line
prints the message alone; a traceback means a bug in hornbook.
"""


class HornbookError(Exception):
    """Base of all errors that hornbook raises on purpose."""


class BackendError(HornbookError, ImportError):
    """No usable Keras backend, or a package that an optional feature needs is missing."""


class PresetError(HornbookError, ValueError):
    """A preset name or handle that leads to no checkpoint, or to one of another family."""


class CheckpointError(HornbookError, ValueError):
    """A checkpoint file that is missing, broken, or doesn't hold what the model needs."""


class ConfigError(HornbookError, ValueError):
    """A model configuration with a missing, unknown or unsupported entry."""


class TokenizerError(HornbookError, ValueError):
    """A tokenizer file that is broken, or a request that a tokenizer can't fulfil."""


class GenerationError(HornbookError, ValueError):
    """Generation arguments that can't be met, such as a prompt longer than the context."""


class DataError(HornbookError, ValueError):
    """Training data in a form that a task's preprocessor can't read."""


class PreflightError(HornbookError, ValueError):
    """A training run that can't make sense; the message says what was found before it began."""


class BenchmarkError(HornbookError, RuntimeError):
    """A contender of a benchmark that stopped, or a benchmark that was asked for wrongly."""


class HornbookWarning(UserWarning):
    """Something that runs but probably isn't meant; the message says how to mend it."""
