"""Pseudonyms and record numbers: unique by construction, the same in every delivery, and like no real identifier."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
DUMMY_PSEUDONYM = "P0000000000000000"


def mixed(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Scramble numbers into 64 bits one to one (the finaliser of SplitMix64), so that distinct numbers stay distinct."""
    with np.errstate(over="ignore"):
        value = numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def pseudonyms(numbers: np.ndarray, seed: int, letter: str = "P") -> pa.Array:
    """Write numbers as pseudonyms: a letter and sixteen hexadecimal digits, so that none reads as an NHS number."""
    pairs = _HEX[mixed(numbers, seed).astype(">u8").view(np.uint8).reshape(-1, 8)].reshape(-1, 16)
    return text_rows(np.concatenate([np.full((len(pairs), 1), ord(letter), np.uint8), pairs], axis=1))


def record_numbers(letter: str, numbers: np.ndarray) -> pa.Array:
    """Write numbers as record identifiers of a letter and twelve digits."""
    digits = (numbers.astype(np.int64)[:, None] // 10 ** np.arange(11, -1, -1, dtype=np.int64)) % 10
    return text_rows(np.concatenate([np.full((len(digits), 1), ord(letter), np.uint8), (digits + 48).astype(np.uint8)], axis=1))


def text_rows(characters: np.ndarray) -> pa.Array:
    """View rows of ASCII bytes, all of one length, as an Arrow string column without copying row by row."""
    rows, width = characters.shape
    offsets = pa.py_buffer(np.arange(0, (rows + 1) * width, width, dtype=np.int32))
    return pa.Array.from_buffers(pa.string(), rows, [None, offsets, pa.py_buffer(np.ascontiguousarray(characters, np.uint8))])


def nhs_numbers_for_tests(count: int, first: int) -> list[str]:
    """List ten-digit numbers of the range 999, kept for tests, that pass the modulus-11 check of an NHS number.

    Source: NHS Data Model and Dictionary, NHS NUMBER: weights 10 to 2, check digit 11 minus the remainder (11 reads 0, 10 is invalid).
    """
    found: list[str] = []
    number = first
    while len(found) < count:
        body = f"999{number % 1_000_000:06d}"
        check = 11 - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            found.append(body + str(check % 11))
        number += 1
    return found


def taken(values: list[str] | np.ndarray | pa.Array, positions: np.ndarray) -> pa.Array:
    """Look positions up in a vocabulary; a negative position is empty."""
    indices = pa.array(positions, type=pa.int32(), mask=positions < 0)
    vocabulary = values if isinstance(values, pa.Array) else pa.array(list(values), type=pa.string())
    return pc.take(vocabulary, indices)
