"""The model as plain MLflow loads it: code and named files, no pickle.

MLflow runs this file when a model is loaded; it is stored beside the model together with the `models` package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.risk_model import RiskModel


class ServedModel(PythonModel):  # type: ignore[misc]
    """Give the calibrated risk of each row of a feature table."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's files."""
        folder = Path(context.artifacts["risk_model"])
        self.model = RiskModel.from_files({path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, object] | None = None
    ) -> np.ndarray:
        """Give the risk of each row, in order."""
        return self.model.predict(model_input)


set_model(ServedModel())
