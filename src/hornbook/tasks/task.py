"""A backbone with a head and a preprocessor: what people train, predict with and save."""

from pathlib import Path
from typing import Any, ClassVar, Self

import keras
from keras.src.models.functional import Functional

from hornbook.backbones.adaptation import adaptations, restore
from hornbook.backbones.backbone import Backbone
from hornbook.backbones.construction import creates_values
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

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any,
        outputs: Any,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs=backbone.input, outputs=outputs, name=name)
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.generation_config: dict[str, Any] = {}
        graph.claim(self)

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
        if preflight:
            arguments["callbacks"] = before_fit(self, x, y, arguments, stacklevel=2)
        if keras.backend.backend() == "tensorflow":
            self._build_optimizer()
        return super().fit(**pipeline.fit_arguments(self.preprocessor, x, y, **arguments))

    def evaluate(self, x: Any = None, y: Any = None, **arguments: Any) -> Any:
        """Evaluates, as `keras.Model.evaluate` does, on raw texts too."""
        return super().evaluate(**pipeline.evaluate_arguments(self.preprocessor, x, y, **arguments))

    def predict(self, x: Any, **arguments: Any) -> Any:
        """Predicts, as `keras.Model.predict` does, on raw texts too."""
        return super().predict(**pipeline.predict_arguments(self.preprocessor, x, **arguments))

    def predict_on_batch(self, x: Any) -> Any:
        """Predicts one batch, as in Keras, on raw texts too."""
        return super().predict_on_batch(pipeline.batch_arguments(self.preprocessor, x)[0])

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **arguments: Any
    ) -> Any:
        """Takes one training step, as in Keras, on raw texts too."""
        batch = pipeline.batch_arguments(self.preprocessor, x, y, sample_weight)
        return super().train_on_batch(*batch, **arguments)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **arguments: Any
    ) -> Any:
        """Evaluates one batch, as in Keras, on raw texts too."""
        batch = pipeline.batch_arguments(self.preprocessor, x, y, sample_weight)
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
