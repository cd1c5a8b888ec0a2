"""The planning outputs, and whom they count: people with a national data opt-out are excluded unless a decision includes them.

Every stage that writes a planning output reads `equity__planning_population`. So the blocking check of that table stops it.
"""

from __future__ import annotations

from expectations.tables import core, risk
from expectations.tables.equity import OUTCOME_RATES, PLANNING_POPULATION
from expectations.tables.features import PERSON_FEATURES
from features.labels import Occurrences
from pipelines.building.planning_population import write_planning_population
from pipelines.equity.outcome_rates import GROUP_KINDS, RatesRequest, write_outcome_rates
from pipelines.lake.decision_record import NATIONAL_OPT_OUT
from pipelines.stages.building import READ_BY_OCCURRENCES
from pipelines.stages.context import StageContext
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_list, has_people_and_core
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Check, Stage, stage
from pipelines.stages.stage_inputs import SETTINGS_OF_OUTCOMES, national_list_check, outcome_search
from pipelines.study.opt_out_rules import planning_rule


@stage(
    [PLANNING_POPULATION],
    reads=(PERSON_FEATURES, risk.COHORT_FLOW, core.PERSON, core.OBJECTION_DELIVERY),
    settings=("study.cohort.kind", "source.feature_table"),
    decisions=(NATIONAL_OPT_OUT,),
    exists=has_list,
)
def planning_population(context: StageContext) -> StageResult:
    """Write equity__planning_population of every index date, by the rule that a recorded decision states."""
    rule = planning_rule(context.lake)
    with context.machine.duckdb() as con:
        return StageResult(write_planning_population(context.lake, con, rule, _has_own_dates(context)))


@stage(
    name="national list valid for planning outputs",
    reads=(core.OBJECTION_DELIVERY,),
    decisions=(NATIONAL_OPT_OUT,),
    settings=("source.kind",),
    outside=(OutsideInput.TODAY,),
    check=Check(
        "national_list_valid", PLANNING_POPULATION, "Refuse planning outputs with a national opt-out list that has expired. Care outputs go on."
    ),
    exists=has_people_and_core,
)  # fmt: skip
def check_planning_list(context: StageContext) -> StageResult:
    """Check that planning outputs use a national list that is still valid, unless a decision states that they need none."""
    return national_list_check(context)


@stage(
    [OUTCOME_RATES],
    reads=(PLANNING_POPULATION, PERSON_FEATURES, risk.LABELS, *READ_BY_OCCURRENCES),
    settings=(*SETTINGS_OF_OUTCOMES, "study.outcome", "study.also.*.outcome", "study.cohort", "study.seed"),
    outside=(OutsideInput.CODE_LISTS, OutsideInput.DATA_CUT),
    exists=has_list,
)
def outcome_rates(context: StageContext) -> StageResult:
    """Write the rates of the outcomes by group, for every index date whose labels are there."""
    lake, study, table = context.lake, context.settings.study, context.settings.source.feature_table
    if not lake.exists(risk.LABELS.name):
        return StageResult(message="no index date has matured: no rates yet")
    search = outcome_search(context)
    declared = {outcome.name: outcome for outcome in (study.outcome, *(further.outcome for further in study.also))}

    def occurrences(outcome: str) -> Occurrences | None:
        if table is not None or outcome not in declared:
            return None
        return search.occurrences(lake, declared[outcome], context.outside.data_cut)

    kinds = tuple(dict.fromkeys((*GROUP_KINDS, *(table.groups if table else ()))))
    horizons = {name: outcome.horizon_days for name, outcome in declared.items()}
    request = RatesRequest(study.outcome.horizon_days, kinds, _has_own_dates(context), study.seed, occurrences, horizons)
    with context.machine.duckdb() as con:
        return StageResult(write_outcome_rates(lake, con, request))


def _has_own_dates(context: StageContext) -> bool:
    """Return whether each row has its own index date; a ready-made table is delivered for one."""
    return not context.settings.study.cohort.one_date_for_all and context.settings.source.feature_table is None


STAGES: tuple[Stage, ...] = (planning_population, check_planning_list, outcome_rates)
