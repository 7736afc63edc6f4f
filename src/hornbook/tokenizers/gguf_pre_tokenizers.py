"""How the byte-level vocabularies in GGUF files cut text into words, by `tokenizer.ggml.pre`.

The names are llama.cpp's (src/llama-vocab.cpp, `llm_tokenizer_bpe`); the patterns are those of the
tokenizers that the names stand for.
"""

# The patterns list characters of many scripts.
# ruff: noqa: RUF001

from collections.abc import Mapping
from dataclasses import dataclass

from tokenizers import Regex, pre_tokenizers

from hornbook.errors import TokenizerError

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
PREFIXED = r"[^\r\n\p{L}\p{N}]?"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def _cased(ending: str, digits: str) -> str:
    """Words that end where a lowercase letter is followed by an uppercase one."""
    return (
        rf"{PREFIXED}{UPPER}*{LOWER}+{ending}|{PREFIXED}{UPPER}+{LOWER}*{ending}|{digits}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}"
    )


@dataclass(frozen=True)
class WordSplit:
    """A way to cut text into words.

    Attributes:
        patterns: each cuts what the ones before it left, at the ends of its matches.
        ignore_merges: whether a word that is a token stays whole, whatever the merges say.
        adds_start_token: whether the start token is added where the file doesn't say.
    """

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    adds_start_token: bool = False

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Builds the pre-tokenizer, which also writes the words in the byte alphabet."""
        splits = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in self.patterns]
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([*splits, bytes_])


THREE_DIGITS = rf"{CONTRACTIONS}|{PREFIXED}\p{{L}}+|\p{{N}}{{1,3}}|{SYMBOLS}|{SPACES}"
ONE_DIGIT = rf"{CONTRACTIONS}|{PREFIXED}\p{{L}}+|\p{{N}}|{SYMBOLS}|{SPACES}"
WITH_MARKS = (
    rf"{CONTRACTIONS}|{PREFIXED}[\p{{L}}\p{{M}}]+|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{SPACES}"
)
PROSE = r" ?[^(\s|.,!?…。，、।۔،)]+"

_SPLITS: Mapping[tuple[str, ...], WordSplit] = {
    ("default",): WordSplit((r"[\p{P}\$\+<=>\^~\|]+", WORDS, r"\p{N}+", "[0-9][0-9][0-9]")),
    (
        "gpt-2",
        "phi-2",
        "mpt",
        "olmo",
        "jais",
        "trillion",
        "granite-docling",
        "exaone4",
        "mellum",
        "modern-bert",
        "gigachat",
        "a.x-4.0",
        "roberta-bpe",
        "jina-es",
        "jina-de",
        "jina-v1-en",
        "jina-v2-es",
        "jina-v2-de",
        "jina-v2-code",
    ): WordSplit((WORDS,)),
    (
        "smollm",
        "starcoder",
        "refact",
        "command-r",
        "codeshell",
        "exaone",
        "minerva-7b",
        "mellum2",
    ): WordSplit((r"\p{N}", WORDS)),
    (
        "llama3",
        "llama-v3",
        "llama-bpe",
        "falcon3",
        "falcon-h1",
        "pixtral",
        "midm-2.0",
        "lfm2",
        "jina-v5-nano",
    ): WordSplit((THREE_DIGITS,), ignore_merges=True, adds_start_token=True),
    ("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"): WordSplit((THREE_DIGITS,)),
    (
        "qwen2",
        "deepseek-r1-qwen",
        "kormo",
        "f2llmv2",
        "megrez",
        "stablelm2",
        "hunyuan",
        "solar-open",
        "grok-2",
    ): WordSplit((ONE_DIGIT,)),
    ("qwen35",): WordSplit((WITH_MARKS,)),
    ("tekken",): WordSplit((_cased("", r"\p{N}"),), ignore_merges=True, adds_start_token=True),
    ("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"): WordSplit(
        (_cased(f"{CONTRACTIONS}?", r"\p{N}{1,3}"),)
    ),
    ("falcon",): WordSplit((r"[\p{P}\$\+<=>\^~\|`]+", WORDS, "[0-9][0-9][0-9]")),
    ("deepseek-v3", "hunyuan-dense", "joyai-llm"): WordSplit(
        (
            r"\p{N}{1,3}",
            "[一-龥぀-ゟ゠-ヿ]+",
            r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
            rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{SPACES}",
        )
    ),
    ("bloom", "poro-chat", "gpt3-finnish"): WordSplit((PROSE,)),
    ("viking",): WordSplit((PROSE, r"\p{N}")),
}

WORD_SPLITS: Mapping[str, WordSplit] = {
    name: split for names, split in _SPLITS.items() for name in names
}
"""Name in a GGUF file to the way it stands for."""


def word_split(name: str) -> WordSplit:
    """The way to cut words that a GGUF file names.

    Raises:
        TokenizerError: when the name is unknown.
    """
    if name not in WORD_SPLITS:
        raise TokenizerError(
            f"The GGUF file's tokenizer cuts words the way {name!r}, which is not known here; "
            f"known are {', '.join(sorted(WORD_SPLITS))}. Load the model's folder with its "
            "tokenizer.json instead"
        )
    return WORD_SPLITS[name]
