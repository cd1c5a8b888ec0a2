"""What a run leaves in the tracker, as plain data: whoever makes it need not know the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

CHAMPION = "champion"  # aliases of a registered model: the version that scores,
PREVIOUS = "previous"  # the one that did before,
CHALLENGER = "challenger"  # and the one that scores in the shadow


@dataclass(frozen=True)
class Record:
    """What is logged for one run: plain data, figures and tables."""

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
    """A model as named bytes, with rows that show its input and what it answers."""

    name: str
    files: Mapping[str, bytes]
    example_input: pd.DataFrame
    example_output: np.ndarray
