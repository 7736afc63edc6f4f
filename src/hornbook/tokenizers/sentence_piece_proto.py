"""Reading and writing SentencePiece's model files, as far as tokenizers need it.

A model file is one protobuf message; these few functions speak its wire format, so that no protobuf
runtime is needed. Field numbers are those of sentencepiece_model.proto.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from hornbook.errors import TokenizerError

PIECES, TRAINER, NORMALIZER = 1, 2, 3  # fields of the model
MODEL_TYPE, BYTE_FALLBACK, UNK_ID, BOS_ID, EOS_ID, PAD_ID = 3, 35, 40, 41, 42, 43  # of the trainer
CHARSMAP, ADD_DUMMY_PREFIX, REMOVE_EXTRA_SPACES = 2, 3, 4  # of the normalizer
PIECE, SCORE, TYPE = 1, 2, 3  # of a piece
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


class PieceType(IntEnum):
    """What a piece is; GGUF uses the same numbers."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class ModelType(IntEnum):
    """The segmentation algorithm."""

    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


@dataclass(frozen=True)
class ProtoOptions:
    """The settings of a model that decoding and special tokens depend on.

    Attributes:
        model_type: the segmentation algorithm.
        byte_fallback: whether characters without a piece become bytes.
        add_dummy_prefix: whether encoding puts a space before a text.
        remove_extra_spaces: whether encoding trims and joins spaces.
        special_ids: the ids of the unknown, start, end and padding pieces, -1 for none.
        charsmap: compiled normalization rules, empty for none.
    """

    model_type: ModelType = ModelType.UNIGRAM
    byte_fallback: bool = False
    add_dummy_prefix: bool = True
    remove_extra_spaces: bool = True
    special_ids: tuple[int, int, int, int] = (0, 1, 2, -1)
    charsmap: bytes = b""


def read_options(proto: bytes) -> ProtoOptions:
    """Reads the settings from a model's bytes.

    Raises:
        TokenizerError: when the bytes are no model.
    """
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    try:
        for number, value in _fields(proto):
            if number in (TRAINER, NORMALIZER) and isinstance(value, bytes):
                target = trainer if number == TRAINER else normalizer
                target.update(_fields(value))
        defaults = ProtoOptions()
        return ProtoOptions(
            model_type=ModelType(trainer.get(MODEL_TYPE, defaults.model_type)),
            byte_fallback=bool(trainer.get(BYTE_FALLBACK, False)),
            add_dummy_prefix=bool(normalizer.get(ADD_DUMMY_PREFIX, True)),
            remove_extra_spaces=bool(normalizer.get(REMOVE_EXTRA_SPACES, True)),
            special_ids=(
                _signed(trainer.get(UNK_ID, 0)),
                _signed(trainer.get(BOS_ID, 1)),
                _signed(trainer.get(EOS_ID, 2)),
                _signed(trainer.get(PAD_ID, -1)),
            ),
            charsmap=normalizer.get(CHARSMAP, b""),
        )
    except (IndexError, TypeError, ValueError) as error:
        raise TokenizerError(f"Not a SentencePiece model: {error}") from error


def read_pieces(proto: bytes) -> list[tuple[str, float, PieceType]]:
    """Reads a model's pieces in the order of their ids: text, score, type.

    Raises:
        TokenizerError: when the bytes are no model.
    """
    pieces = []
    try:
        for number, value in _fields(proto):
            if number == PIECES and isinstance(value, bytes):
                piece: dict[int, Any] = dict(_fields(value))
                (score,) = struct.unpack("<f", piece.get(SCORE, b"\0\0\0\0"))
                kind = PieceType(piece.get(TYPE, PieceType.NORMAL))
                pieces.append((piece[PIECE].decode(), score, kind))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise TokenizerError(f"Not a SentencePiece model: {error}") from error
    return pieces


def write_model(pieces: Iterable[tuple[str, float, int]], options: ProtoOptions) -> bytes:
    """Writes a model from its pieces (text, score, type) in the order of their ids."""
    parts = []
    for text, score, piece_type in pieces:
        piece = _bytes_field(PIECE, text.encode())
        piece += _tag(SCORE, FIXED32) + struct.pack("<f", score) + _int_field(TYPE, piece_type)
        parts.append(_bytes_field(PIECES, piece))
    trainer = _int_field(MODEL_TYPE, options.model_type)
    trainer += _int_field(BYTE_FALLBACK, options.byte_fallback)
    for number, special_id in zip(
        (UNK_ID, BOS_ID, EOS_ID, PAD_ID), options.special_ids, strict=True
    ):
        trainer += _int_field(number, special_id)
    normalizer = _bytes_field(CHARSMAP, options.charsmap) if options.charsmap else b""
    normalizer += _int_field(ADD_DUMMY_PREFIX, options.add_dummy_prefix)
    normalizer += _int_field(REMOVE_EXTRA_SPACES, options.remove_extra_spaces)
    return b"".join([*parts, _bytes_field(TRAINER, trainer), _bytes_field(NORMALIZER, normalizer)])


def without_dummy_prefix(proto: bytes) -> bytes:
    """The same model, but encoding puts no space before a text.

    A message that occurs twice is merged field by field, so it is enough to append one field.
    """
    return proto + _bytes_field(NORMALIZER, _int_field(ADD_DUMMY_PREFIX, 0))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: their numbers, and integers or raw bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == BYTES:
            size, position = _varint(message, position)
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
        else:
            raise ValueError(f"field {number} has the unknown wire type {wire_type}")
        if size > len(message) - position:
            raise ValueError(f"field {number} is longer than the file")
        yield number, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _encode_varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers are written as 64-bit two's complement
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, wire_type: int) -> bytes:
    return _encode_varint(number << 3 | wire_type)


def _int_field(number: int, value: int) -> bytes:
    return _tag(number, VARINT) + _encode_varint(int(value))


def _bytes_field(number: int, value: bytes) -> bytes:
    return _tag(number, BYTES) + _encode_varint(len(value)) + value
