"""Build pseudonyms and record numbers: unique by construction, the same in every delivery, unlike any real identifier."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
DUMMY_PSEUDONYM = "P0000000000000000"


def scramble(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Map numbers to 64 bits one to one (the finaliser of SplitMix64), so that distinct numbers stay distinct."""
    with np.errstate(over="ignore"):
        value = numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def pseudonyms(numbers: np.ndarray, seed: int, letter: str = "P") -> pa.Array:
    """Return numbers as pseudonyms: a letter and sixteen hexadecimal digits, so that none looks like an NHS number."""
    pairs = _HEX[scramble(numbers, seed).astype(">u8").view(np.uint8).reshape(-1, 8)].reshape(-1, 16)
    return text_rows(np.concatenate([np.full((len(pairs), 1), ord(letter), np.uint8), pairs], axis=1))


def record_numbers(letter: str, numbers: np.ndarray) -> pa.Array:
    """Return numbers as record identifiers: a letter and twelve digits."""
    digits = (numbers.astype(np.int64)[:, None] // 10 ** np.arange(11, -1, -1, dtype=np.int64)) % 10
    return text_rows(np.concatenate([np.full((len(digits), 1), ord(letter), np.uint8), (digits + 48).astype(np.uint8)], axis=1))


def text_rows(characters: np.ndarray) -> pa.Array:
    """Return rows of ASCII bytes of equal length as an Arrow string column, without a copy per row."""
    rows, width = characters.shape
    offsets = pa.py_buffer(np.arange(0, (rows + 1) * width, width, dtype=np.int32))
    return pa.Array.from_buffers(pa.string(), rows, [None, offsets, pa.py_buffer(np.ascontiguousarray(characters, np.uint8))])


def nhs_numbers_for_tests(count: int, first: int) -> list[str]:
    """Return valid ten-digit NHS numbers of the range 999, which is reserved for tests.

    Source: NHS Data Model and Dictionary, NHS NUMBER: weights 10 to 2; the check digit is 11 minus the remainder modulo 11. A result of 11 is
    written as 0, and a number with a result of 10 is invalid.
    """
    valid: list[str] = []
    number = first
    while len(valid) < count:
        body = f"999{number % 1_000_000:06d}"
        check = 11 - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            valid.append(body + str(check % 11))
        number += 1
    return valid


def look_up(values: list[str] | np.ndarray | pa.Array, positions: np.ndarray) -> pa.Array:
    """Return the values at positions of a vocabulary; null for a negative position."""
    indices = pa.array(positions, type=pa.int32(), mask=positions < 0)
    vocabulary = values if isinstance(values, pa.Array) else pa.array(list(values), type=pa.string())
    return pc.take(vocabulary, indices)
