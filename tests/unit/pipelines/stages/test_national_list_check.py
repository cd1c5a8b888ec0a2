"""Whether a national list may still be used: it expires, except in a synthetic source, whose dates are not real."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.core import OBJECTION_DELIVERY
from pipelines.stages import conforming, planning
from tests.unit.pipelines.scoring.test_removals import row_of
from tests.unit.pipelines.stages.test_delivery_dates import opened

NHS = {"kind": "nhs", "nhs": {"feeds": {"opt_outs": {}}}}
SYNTHETIC = {"kind": "synthetic", "synthetic": {"people": 500}}


@pytest.mark.parametrize("check", [conforming.check_national_list, planning.check_planning_list])
@pytest.mark.parametrize(("source", "expires"), [(NHS, True), (SYNTHETIC, False)])
def test_a_list_expires_unless_the_source_is_synthetic(tmp_path: Path, check: object, source: dict, expires: bool) -> None:
    deployment = opened(tmp_path, source)
    row = row_of(OBJECTION_DELIVERY, kind="national", practice_code="ALL", feed="opt_outs", valid_until=date(2020, 1, 1))
    deployment.lake.write(OBJECTION_DELIVERY, [row])
    found = check(deployment)  # type: ignore[operator]
    assert ("valid until 2020-01-01" in found.broken, "not real" in found.message) == (expires, not expires)
