"""Organisations and their lines of succession, which every later stage reads its rows by."""

from __future__ import annotations

from expectations.tables import core_places
from pipelines.conform import areas_and_organisations
from pipelines.stages.context import StageContext
from pipelines.stages.landing import BOARD
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_core
from pipelines.stages.results import StageResult
from pipelines.stages.stage import stage


@stage(
    [
        core_places.ORGANISATION,
        core_places.ORGANISATION_RELATION,
        core_places.ORGANISATION_SUCCESSION,
        core_places.ORGANISATION_LINE,
    ],
    outside=(OutsideInput.REFERENCE_FILES,),
    follows=(BOARD,),
    exists=has_core,
)
def conform_organisations(context: StageContext) -> StageResult:
    """Write the organisation tables from the reference files, before the rows of any feed are read."""
    return StageResult(areas_and_organisations.conform_organisations(context.lake, context.outside.reference))
