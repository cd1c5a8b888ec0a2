"""The model as MLflow loads it: code and named files, without pickle.

MLflow runs this file when it loads a model. The file is stored with the model, together with the `models` package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.risk_model import RiskModel


class ServedModel(PythonModel):  # type: ignore[misc]
    """A model that returns the calibrated risk of each row of a feature table."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's files."""
        folder = Path(context.artifacts["risk_model"])
        self.model = RiskModel.from_files({path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, object] | None = None
    ) -> np.ndarray:
        """Return the risk of each row, in order."""
        return self.model.predict(model_input)


set_model(ServedModel())
