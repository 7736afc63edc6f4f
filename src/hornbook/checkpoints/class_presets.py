"""The presets that a class can load, as an attribute of the class."""

from typing import Any

HUB = "hf://"


class ClassPresets:
    """A class's `presets`: name to what is known of each, with the keys that KerasNLP has.

    A family's class has those of its family, every other class those of the families that derive
    from it: `CausalLM.presets` those of all that generate. Each is a dictionary with `metadata`,
    which holds `description`, `params`, `official_name` (the family's), `path` (its name here),
    `licence`, and on the hub `model_card`; and `handle`, where the preset leads. The dictionaries
    are new ones each time.

    Example:
        >>> from hornbook.models import GPT2CausalLM
        >>> GPT2CausalLM.presets["gpt2_base_en"]["metadata"]["params"]
        124439808
    """

    def __get__(self, instance: Any, owner: type) -> dict[str, dict[str, Any]]:
        from hornbook.families.classes import family_of_class, public_classes

        own = family_of_class(owner)
        made: list[Any] = list(public_classes().values())
        families = [own] if own else [each.family for each in made if issubclass(each, owner)]
        return {
            preset.name: {"metadata": _metadata(family, preset), "handle": preset.handle}
            for family in {each.name: each for each in families}.values()
            for preset in family.presets
        }


def _metadata(family: Any, preset: Any) -> dict[str, Any]:
    metadata = {
        "description": preset.description,
        "params": preset.parameters,
        "official_name": family.title,
        "path": family.name,
        "licence": preset.licence,
    }
    if preset.handle.startswith(HUB):
        owner, name = preset.handle.removeprefix(HUB).partition("@")[0].split("/")[:2]
        metadata["model_card"] = f"https://huggingface.co/{owner}/{name}"
    return metadata
