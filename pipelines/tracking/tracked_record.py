"""Records for the tracker as plain data, so that the code that makes them does not depend on the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

CHAMPION = "champion"  # alias of the version whose scores are published
PREVIOUS = "previous"  # alias of the champion before it
CHALLENGER = "challenger"  # alias of the version whose scores are stored and not published


@dataclass(frozen=True)
class Record:
    """The record of one run: plain data, figures and tables."""

    name: str
    description: str = ""  # Markdown
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelFiles:
    """A model as named bytes, with example rows of its input and output."""

    name: str
    files: Mapping[str, bytes]
    example_input: pd.DataFrame
    example_output: np.ndarray
