import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.fairness import AuditedRows, audit
from models.plots import calibration_figure, precision_recall_figure, quintile_figure, roc_figure
from models.scored_rows import scored_rows
from models.settings import CapacitySettings

RNG = np.random.default_rng(1)
RISK = RNG.beta(1, 6, 3000)
LABELS = (RNG.random(3000) < RISK).astype(int)
ROWS = scored_rows(RISK, LABELS, np.arange(3000))


def _figures():
    groups = pd.DataFrame({"imd_quintile": RNG.integers(1, 6, 3000), "age_band": RNG.choice(["0-64", "65+"], 3000)})
    table = audit(AuditedRows(scored_rows(RISK, LABELS, np.arange(3000)), groups), CapacitySettings(), seed=1)
    return {
        "roc": roc_figure({"lightgbm": ROWS, "age_sex": ROWS}, "ROC"),
        "precision_recall": precision_recall_figure({"lightgbm": ROWS}, "Precision and recall"),
        "calibration": calibration_figure(ROWS, "Calibration"),
        "quintiles": quintile_figure(table, 0.05, "By quintile"),
    }


def test_figures_are_titled_and_every_axis_is_labelled(tmp_path):
    for name, figure in _figures().items():
        assert figure.get_suptitle()
        assert all(axes.get_ylabel() for axes in figure.axes) and figure.axes[-1].get_xlabel()
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000


def test_the_roc_curve_ends_in_both_corners():
    line = roc_figure({"lightgbm": ROWS}, "ROC").axes[0].lines[1]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.0, 0.0)
    assert (line.get_xdata()[-1], line.get_ydata()[-1]) == (1.0, 1.0)
    area = np.trapezoid(line.get_ydata(), line.get_xdata())
    assert area == pytest.approx(roc_auc_score(LABELS, RISK), abs=0.002)


def test_drawing_leaves_no_global_figure_behind():
    _figures()
    assert not matplotlib._pylab_helpers.Gcf.get_all_fig_managers()
