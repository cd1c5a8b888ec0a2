"""The results of the case mimic_demo are those that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from regression.__main__ import REFERENCE
from regression.cases import DATA_OF, run_case
from regression.comparison import differences
from regression.content import content_of, read_reference

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not DATA_OF["mimic_demo"].exists(), reason="the open data of mimic_demo are not next to the project")
def test_the_results_are_those_that_are_kept(tmp_path: Path) -> None:
    assert differences(read_reference(REFERENCE / "mimic_demo"), content_of(run_case("mimic_demo", tmp_path))) == []
