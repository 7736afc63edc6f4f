"""A backbone with a head and a preprocessor: what people train, predict with and save."""

from pathlib import Path
from typing import Any, ClassVar, Self

import keras
from keras.src.models.functional import Functional

from hornbook.backbones.adaptation import adaptations, restore
from hornbook.backbones.backbone import Backbone, read_inputs
from hornbook.backbones.construction import creates_values
from hornbook.checkpoints.class_presets import ClassPresets
from hornbook.layers.head_layers import HeadLayers
from hornbook.layers.sliding_window_attention import GLOBAL_POSITIONS
from hornbook.training import pipeline
from hornbook.training.checks import graph
from hornbook.training.checks.preflight import before_fit


# Not keras.Model: made functional, that changes its bases, and the order of those of subclasses.
class Task(Functional):
    """Base of all tasks.

    A task class builds its head in `__init__` and calls `super().__init__` with the functional
    graph. `fit`, `evaluate` and `predict` take raw texts as well as token ids when the task has a
    preprocessor.

    Attributes:
        backbone: the model without a head.
        preprocessor: turns texts into the model's inputs; None for a task that takes token ids.
        generation_config: what a checkpoint's `generation_config.json` holds.
    """

    name_in_families: ClassVar[str]
    presets = ClassPresets()
    head_layers: ClassVar[HeadLayers | None] = None
    """The structure of the head, as the family declares it."""
    starts_fresh: ClassVar[bool] = False
    """Whether a checkpoint without the head makes one with a fresh head, to be trained."""

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any,
        outputs: Any,
        *,
        inputs: Any = None,
        name: str | None = None,
    ) -> None:
        inputs = backbone.input if inputs is None else inputs
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.generation_config: dict[str, Any] = {}
        if GLOBAL_POSITIONS in backbone.input and not (
            self.head_layers and self.head_layers.global_tokens
        ):
            backbone.assembly.freeze_optional()  # no text alone brings tokens that use it
        graph.claim(self)

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        # Before `call`, Keras looks whether the inputs are all there.
        return super().__call__(read_inputs(self, inputs), *args, **options)

    def _standardize_inputs(self, inputs: Any) -> Any:
        # On JAX, `fit` goes by `call` alone.
        return super()._standardize_inputs(read_inputs(self, inputs))

    @property
    def task_options(self) -> dict[str, Any]:
        """The constructor's arguments beyond backbone and preprocessor."""
        return {}

    def default_compile(self) -> dict[str, Any]:
        """What `compile` is called with before the user does."""
        return {}

    def compile_by_default(self) -> None:
        """Compiles for training; a task's last step of construction, once values exist."""
        if creates_values():
            self.compile(**self.default_compile())

    def compile(
        self,
        optimizer: Any = "auto",
        loss: Any = "auto",
        *,
        metrics: Any = None,
        weighted_metrics: Any = "auto",
        **options: Any,
    ) -> None:
        """Sets how the model is trained, as in Keras; what is left at "auto" is the task's default.

        The default metrics are left out where `metrics` are given.
        """
        defaults = {"weighted_metrics": None, **self.default_compile()}
        if metrics is not None:
            defaults["weighted_metrics"] = None
        given = {"optimizer": optimizer, "loss": loss, "weighted_metrics": weighted_metrics}
        chosen = {
            name: value
            for name, value in given.items()
            if not (isinstance(value, str) and value == "auto")
        }
        chosen = {**defaults, **chosen}
        self._compile_metrics = None  # which Keras would keep where no others are asked for
        super().compile(metrics=metrics, **chosen, **options)

    @classmethod
    def from_preset(cls, preset: str | Path, **options: Any) -> Self:
        """Loads a task; see `hornbook.checkpoints.loading.load_task` for the arguments."""
        from hornbook.checkpoints.loading import load_task

        return load_task(cls, preset, **options)

    def save_to_preset(self, folder: str | Path, **options: Any) -> None:
        """Writes model, tokenizer and settings; see `hornbook.checkpoints.saving.save_task`."""
        from hornbook.checkpoints.saving import save_task

        save_task(self, folder, **options)

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        """Constructor arguments that a checkpoint's folder holds in a layout of the field."""
        return {}

    def write_options(self, folder: Path) -> list[str]:
        """Writes what `read_options` reads; returns the files' names."""
        return []

    def config_entries(self) -> dict[str, Any]:
        """What `read_options` reads of `config.json`, which is written there."""
        return {}

    @classmethod
    def merge_options(cls, saved: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Constructor arguments, of those that a checkpoint holds and those that were asked for."""
        return {**saved, **given}

    @classmethod
    def head_fits(cls, saved: dict[str, Any], options: dict[str, Any]) -> bool:
        """Whether a checkpoint's head is the one that these arguments make."""
        return True

    def read_examples(
        self, x: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any, Any]:
        """Raw data in a form of the task's own, brought to texts or arrays, with its labels."""
        return x, y, sample_weight

    def _read_arguments(self, x: Any, y: Any, arguments: dict[str, Any]) -> tuple[Any, Any]:
        """`x` and `y` as `read_examples` gives them; what else holds examples is replaced."""
        x, y, sample_weight = self.read_examples(x, y, arguments.get("sample_weight"))
        if sample_weight is not None:
            arguments["sample_weight"] = sample_weight
        if isinstance(arguments.get("validation_data"), tuple):
            arguments["validation_data"] = self.read_examples(*arguments["validation_data"])
        return x, y

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        preflight: bool = True,
        **arguments: Any,
    ) -> Any:
        """Trains, as `keras.Model.fit` does, on raw texts too; `x` can be texts or a dataset.

        Before it, `hornbook.training.preflight` looks for mistakes and warns of them;
        `preflight=False` leaves that out.
        """
        arguments = {"batch_size": batch_size, "epochs": epochs, **arguments}
        x, y = self._read_arguments(x, y, arguments)
        if preflight:
            arguments["callbacks"] = before_fit(self, x, y, arguments, stacklevel=2)
        if keras.backend.backend() == "tensorflow":
            self._build_optimizer()
        return super().fit(**pipeline.fit_arguments(self.preprocessor, x, y, **arguments))

    def evaluate(self, x: Any = None, y: Any = None, **arguments: Any) -> Any:
        """Evaluates, as `keras.Model.evaluate` does, on raw texts too."""
        x, y = self._read_arguments(x, y, arguments)
        return super().evaluate(**pipeline.evaluate_arguments(self.preprocessor, x, y, **arguments))

    def predict(self, x: Any, **arguments: Any) -> Any:
        """Predicts, as `keras.Model.predict` does, on raw texts too."""
        x = self.read_examples(x)[0]
        return super().predict(**pipeline.predict_arguments(self.preprocessor, x, **arguments))

    def predict_on_batch(self, x: Any) -> Any:
        """Predicts one batch, as in Keras, on raw texts too."""
        x = self.read_examples(x)[0]
        return super().predict_on_batch(pipeline.predict_batch(self.preprocessor, x))

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **arguments: Any
    ) -> Any:
        """Takes one training step, as in Keras, on raw texts too."""
        examples = self.read_examples(x, y, sample_weight)
        batch = pipeline.batch_arguments(self.preprocessor, *examples)
        return super().train_on_batch(*batch, **arguments)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **arguments: Any
    ) -> Any:
        """Evaluates one batch, as in Keras, on raw texts too."""
        examples = self.read_examples(x, y, sample_weight)
        batch = pipeline.batch_arguments(self.preprocessor, *examples)
        return super().test_on_batch(*batch, **arguments)

    def _build_optimizer(self) -> None:
        """Makes the optimizer's variables: TensorFlow traces a step that makes them twice."""
        if self.compiled and self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any] | None:
        config = super().get_compile_config()
        if config and isinstance(config.get("optimizer"), dict):
            config["optimizer"]["built"] = self.optimizer.built
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        # Keras would build it always, and then warn that a file of before training lacks its state.
        if (config.get("optimizer") or {}).get("built", True):
            self.optimizer.build(self.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        config = {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "preprocessor": keras.saving.serialize_keras_object(self.preprocessor),
            "name": self.name,
            **self.task_options,
        }
        done = adaptations(self)
        of_head = {path: done[path] for path in done.keys() - adaptations(self.backbone).keys()}
        return {**config, "adaptations": of_head} if of_head else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        config = dict(config)
        for part in ("backbone", "preprocessor"):
            if isinstance(config.get(part), dict):
                config[part] = keras.saving.deserialize_keras_object(
                    config[part], custom_objects=custom_objects
                )
        done = config.pop("adaptations", {})
        task = cls(**config)
        restore(task, done)
        return task
