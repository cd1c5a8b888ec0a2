"""What every fit of a training shares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fitting:
    """The seed from which every random choice of a training derives, and the threads that LightGBM may use. Neither changes a setting."""

    seed: int
    threads: int = 1
