"""`config.json` is read and written as transformers does, and nothing in it is passed over."""

import dataclasses

import pytest

from conformance import originals
from conformance.cases import CASES, FIRST_CASES, every, label
from conformance.changes import FIELDS, changed
from hornbook.checkpoints.config_map import (
    ANY_MODEL,
    REQUIRED,
    Field,
    Fixed,
    Inert,
    known_keys,
    read_config,
    write_config,
)
from hornbook.errors import ConfigError

pytestmark = pytest.mark.backend_free


def read(case, raw):
    return read_config(raw, case.family.config, case.family.config_class)


def rows(kind):
    """Every row of a kind, with its family's first case."""
    found = [(case, row) for case in FIRST_CASES for row in case.family.config]
    found = [(case, row) for case, row in found if isinstance(row, kind)]
    ids = [f"{case.family_name}-{row.key}" for case, row in found]
    return pytest.mark.parametrize(("case", "row"), found, ids=ids)


@every(CASES)
def test_a_file_of_transformers_is_written_back_as_it_was(case, tmp_path):
    originals.original_config(originals.config_json(case)).save_pretrained(tmp_path)
    raw = originals.read_json(tmp_path / "config.json")
    config = read(case, raw)
    assert config == case.config
    carrying = set(raw) - set(known_keys([ANY_MODEL])) - inert_keys(case.family)
    written = write_config(config, case.family.config, raw["model_type"])
    assert written.pop("model_type") == raw["model_type"]
    assert written == {key: raw[key] for key in carrying}


def inert_keys(family):
    return {key for row in family.config if isinstance(row, Inert) for key in row.keys}


@pytest.mark.parametrize(("case", "field"), FIELDS, ids=label)
def test_each_field_is_written_and_read_alone(case, field):
    for config in changed(case, field):
        raw = write_config(config, case.family.config, case.family.hf_types[0])
        assert getattr(config, field) != getattr(case.config, field)
        assert read(case, raw) == config
        assert read(case, originals.original_config(raw).to_dict()) == config


@every(FIRST_CASES)
def test_each_field_has_one_row(case):
    attributes = []
    for row in case.family.config:
        if isinstance(row, Field):
            names = row.attribute
            attributes.extend([names] if isinstance(names, str) else names)
    fields = [field.name for field in dataclasses.fields(case.family.config_class)]
    assert sorted(attributes) == sorted(fields)
    keys = known_keys(case.family.config)
    assert len(keys) == len(set(keys))


@every([c for c in CASES if "rope_theta" in originals.config_json(c).get("rope_parameters", {})])
@pytest.mark.parametrize("kind", ["type", "rope_type"])
def test_rotary_settings_of_older_files(case, kind):
    raw = originals.config_json(case)
    parameters = raw.pop("rope_parameters")
    raw["rope_theta"] = parameters.pop("rope_theta")
    name = parameters.pop("rope_type")
    raw["rope_scaling"] = {kind: name, **parameters} if parameters else None
    assert read(case, raw) == case.config
    if not parameters:
        del raw["rope_scaling"]
        assert read(case, raw) == case.config


@every(FIRST_CASES)
def test_an_unknown_key_is_named(case):
    raw = {**originals.config_json(case), "flux_capacitance": 1.21}
    with pytest.raises(ConfigError, match="flux_capacitance"):
        read(case, raw)


@rows(Field)
def test_a_missing_key_is_named_or_what_transformers_makes_of_it(case, row):
    raw = originals.config_json(case)
    del raw[row.key]
    if row.default is REQUIRED and not row.old_keys:
        with pytest.raises(ConfigError, match=f"'{row.key}'"):
            read(case, raw)
        return
    without = read(case, raw)
    assert without == read(case, originals.original_config(raw).to_dict())
    if callable(row.default):
        assert read(case, {**raw, row.key: None}) == without


@rows(Fixed)
def test_an_unsupported_value_is_named(case, row):
    value = not row.value if isinstance(row.value, bool) else f"not {row.value}"
    with pytest.raises(ConfigError, match=row.key):
        read(case, {**originals.config_json(case), row.key: value})


@every(FIRST_CASES)
def test_a_config_is_frozen_and_documented(case):
    fields = dataclasses.fields(case.family.config_class)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(case.config, fields[0].name, 1)
    described = case.family.config_class.__doc__.partition("Attributes:")[2]
    assert [field.name for field in fields if field.name not in described] == []
