"""Settings of different sections that contradict each other, or name what another section or a declaration does not have.

Rules that need a study alone are in `pipelines/study/contradictions.py`. Each rule names both settings, why they do not fit, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING

from expectations.age import DAYS_PER_YEAR
from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS
from expectations.setting_types import names_not_known
from expectations.tables.features import PERSON_FEATURES
from features.catalogue import Catalogue, build_catalogue, unavailable
from features.code_lists import load_code_lists
from features.declaration import FEED_OF_TYPE
from models.audit_groups import KINDS, MADE_KINDS
from pipelines.study.caseload_settings import AgeGroup
from pipelines.study.contradictions import is_chosen
from pipelines.study.date_rules import DELIVERIES, SETTING, contradictory_dates
from pipelines.study.settings import StudySettings

if TYPE_CHECKING:
    from pipelines.run.settings import Settings

MONTHS_PER_YEAR = 12
AGES: Mapping[AgeGroup, tuple[int, int]] = {"0-17": (0, 17), "18-64": (18, 64), "65+": (65, 999)}
Rule = Callable[["Settings", StudySettings], Iterator[str]]
KIND_SETTINGS = ("ordered_kinds", "calibration_kinds", "slope_kinds", "need_kinds", "sensitivity_kinds")
PLACES = (*(column.name for column in PERSON_FEATURES.columns if column.name.endswith("_code")), "rural_urban")


def contradictions_between_sections(settings: Settings) -> list[str]:
    """Return a message for each contradiction between sections; none if they fit each other."""
    messages = [message for study in settings.study.each for rule in RULES for message in rule(settings, study)]
    return list(dict.fromkeys((*messages, *_required_feeds_can_arrive(settings), *_edition_has_a_file(settings))))


def _dates_fit_the_data_cut(settings: Settings, study: StudySettings) -> Iterator[str]:
    stated, fixed = settings.data_cut_date, settings.source.chosen.data_cut
    if stated or fixed:
        yield from contradictory_dates(study, stated or fixed, SETTING if stated else DELIVERIES)


def _approval_covers_the_outcome(settings: Settings, study: StudySettings) -> Iterator[str]:
    allowed = settings.purpose.allowed_feeds
    if allowed is None or settings.source.chosen.brings_its_own_outcome:
        return
    missing = [feed for feed in study.outcome.definition.feeds if feed not in allowed]
    if missing:
        yield (
            f"study.outcome.name '{study.outcome.name}' uses the feeds {', '.join(missing)}, which purpose.allowed_feeds does not name; add them if "
            "the approval covers them, or choose another outcome"
        )


def _approval_is_within_its_time(settings: Settings, study: StudySettings) -> Iterator[str]:
    ends = settings.purpose.approval_expires
    if study.approval is not None and study.approval.day > ends:
        yield (
            f"study.approval.day {study.approval.day} is after purpose.approval_expires {ends}: no model may be approved for a use that is no longer "
            "approved. Renew the approval and set purpose.approval_expires, or correct the day"
        )


def _readmission_has_discharges(settings: Settings, study: StudySettings) -> Iterator[str]:
    outcome, cohort = study.outcome, study.cohort
    if settings.source.chosen.brings_its_own_outcome or not outcome.definition.after_discharge or not cohort.one_date_for_all:
        return
    yield (
        f"study.outcome.name '{outcome.defined_as or outcome.name}' and study.cohort.kind '{cohort.kind}': this outcome counts from discharges. Set "
        "study.cohort.kind to discharges (and study.validation.kind to person_folds), or choose another outcome"
    )


def _rows_are_of_the_source(settings: Settings, study: StudySettings) -> Iterator[str]:
    source, cohort = settings.source.chosen, study.cohort
    if not source.is_conformed or cohort.of_source == source.brings_its_own_rows:
        return
    if cohort.of_source:
        yield (
            f"study.cohort.kind 'given' and source.kind '{source.kind}': only an OMOP source with a target_cohort_id gives the rows. Set "
            "study.cohort.kind to registered or discharges, or source.omop.target_cohort_id"
        )
    else:
        yield (
            f"study.cohort.kind '{cohort.kind}' and source.omop.target_cohort_id: the rows of the target cohort would not be used. Set "
            "study.cohort.kind to given, or remove source.omop.target_cohort_id"
        )


def _outcomes_have_arrived(settings: Settings, study: StudySettings) -> Iterator[str]:
    source, outcome = settings.source.chosen, study.outcome
    if source.brings_its_own_outcome:
        return
    feeds = outcome.definition.feeds[:1] if outcome.definition.death else outcome.definition.feeds  # the list names the dead
    lags = {feed: source.lag_days(feed) for feed in feeds}
    feed = max(lags, key=lambda name: lags[name], default="")
    if feed and lags[feed] > outcome.maturity_days:
        yield (
            f"study.outcome.maturity_days {outcome.maturity_days} and the lag of {lags[feed]} days of the feed {feed}, which '{outcome.name}' uses: "
            "outcomes of the last days would count as not having happened. Set study.outcome.maturity_days to at least "
            f"{lags[feed]}, or a shorter lag_days of the source"
        )


def _kinds_of_gates_exist(settings: Settings, study: StudySettings) -> Iterator[str]:
    source = settings.source.chosen
    known = (*(KINDS if source.is_conformed else ()), *source.groups, *MADE_KINDS)
    for name in KIND_SETTINGS:
        if is_chosen(study.gates, name):
            yield from _unknown(f"study.gates.{name}", "group kind", getattr(study.gates, name), known)


def _places_exist(settings: Settings, study: StudySettings) -> Iterator[str]:
    if not settings.source.chosen.is_conformed:  # its columns are known once the file is read
        return
    for setting, name in (("study.validation.places", study.validation.places), ("study.capacity.team", study.capacity.team)):
        yield from _unknown(setting, "place", (name,) if name else (), PLACES)


def _predictors_exist(settings: Settings, study: StudySettings) -> Iterator[str]:
    """Yield a message for names of predictors that no feature has; names of a source with its own columns are not checked."""
    named = study.candidates.baseline_predictors
    if named and settings.source.chosen.has_catalogued_features and study.code_lists is None:
        yield from _unknown("study.candidates.baseline_predictors", "feature", named, tuple(_catalogue(study).by_name))


def _drivers_not_shown_exist(settings: Settings, study: StudySettings) -> Iterator[str]:
    """Yield a message for a name that would hide nothing; names of a source with its own columns are not checked."""
    if settings.source.chosen.has_catalogued_features and study.code_lists is None and is_chosen(study, "drivers_not_shown"):
        catalogue = _catalogue(study)
        known = (*RAW_TABLES, *catalogue.concepts, *catalogue.by_name)
        yield from _unknown("study.drivers_not_shown", "feed, concept or feature", study.drivers_not_shown, known)


def _families_can_be_computed(settings: Settings, study: StudySettings) -> Iterator[str]:
    source, allowed = settings.source.chosen, settings.purpose.allowed_feeds
    if study.feature_families is None or not source.is_conformed:
        return
    catalogue = _catalogue(study)
    feeds = {feed for feature in catalogue.features for feed in feature.feeds}
    delivered = {feed for feed in feeds - set(source.feeds_it_never_has) if not source.lacks(feed)}
    reasons = unavailable(catalogue, delivered, allowed)
    for family in study.feature_families:
        of_family = [feature.name for feature in catalogue.features if feature.family == family and feature.role == "predictor"]
        if of_family and all(name in reasons for name in of_family):
            why = (
                f"purpose.allowed_feeds {', '.join(allowed)}"
                if allowed is not None
                else f"the feeds of source.kind '{source.kind}'"
            )
            yield (
                f"study.feature_families has '{family}', and no feature of it can be computed with {why} (such as {of_family[0]}: "
                f"{reasons[of_family[0]]}). Remove the family, or correct the other setting"
            )


def outcomes_without_feeds(settings: Settings) -> list[str]:
    """Return a message for each outcome of which no record can arrive. A source without its feeds can be ingested, but not studied."""
    return list(dict.fromkeys(message for study in settings.study.each for message in _outcome_has_its_feeds(settings, study)))


def _outcome_has_its_feeds(settings: Settings, study: StudySettings) -> Iterator[str]:
    """Yield a message if the source delivers none of the feeds of the outcome, or lacks one that must cover each row or has its stays."""
    source, definition = settings.source.chosen, study.outcome.definition
    if source.brings_its_own_outcome:
        return
    absent = [feed for feed in definition.feeds if source.lacks(feed)]
    needed = {
        *definition.covered,
        *(definition.feeds if definition.spells is not None else definition.feeds[:1] if definition.death else ()),
    }
    missing = [feed for feed in absent if feed in needed or len(absent) == len(definition.feeds)]
    if missing:
        yield (
            f"study.outcome.name '{study.outcome.name}' uses the feed {', '.join(missing)}, which the source ({source.kind}) does not deliver: no outcome "
            "would be found. Add the feed to the source, or choose another outcome"
        )


def _discharges_arrive(settings: Settings, study: StudySettings) -> Iterator[str]:
    source, allowed = settings.source.chosen, settings.purpose.allowed_feeds
    if not study.cohort.of_discharges or not source.is_conformed:
        return
    if allowed is not None and ADMISSIONS.name not in allowed:
        yield (
            f"study.cohort.kind 'discharges' and purpose.allowed_feeds, which does not name {ADMISSIONS.name}: the rows of the cohort are from this feed. "
            "Add it if the approval covers it, or set study.cohort.kind to registered"
        )
    if source.lacks(ADMISSIONS.name):
        yield (
            f"study.cohort.kind 'discharges' and the source ({source.kind}), which does not deliver {ADMISSIONS.name}: there would be no row. Add the "
            "feed to the source, or set study.cohort.kind to registered"
        )


def _predictors_are_of_the_families(settings: Settings, study: StudySettings) -> Iterator[str]:
    named, families = study.candidates.baseline_predictors, study.feature_families
    if not named or families is None or not settings.source.chosen.has_catalogued_features or study.code_lists is not None:
        return
    by_name = _catalogue(study).by_name
    other = {by_name[name].family for name in named if name in by_name and by_name[name].family not in families}
    if other:
        outside = [name for name in named if name in by_name and by_name[name].family in other]
        yield (
            f"study.candidates.baseline_predictors has {', '.join(outside)}, and study.feature_families lacks {', '.join(sorted(other))}, so no model "
            "would have them. Add the family, or remove the predictors"
        )


def _listed_people_are_in_the_cohort(settings: Settings, study: StudySettings) -> Iterator[str]:
    """Yield a message for an age group that review lists are to have and the cohort has no one of."""
    if not is_chosen(study.caseloads, "people_per_thousand"):
        return
    youngest, oldest = study.cohort.minimum_age, study.cohort.maximum_age
    for group, (first, last) in AGES.items():
        if not study.caseloads.people_per_thousand.get(group):
            continue
        limit = (
            f"maximum_age {oldest}"
            if oldest is not None and oldest < first
            else f"minimum_age {youngest}"
            if youngest > last
            else ""
        )
        if limit:
            yield (
                f"study.cohort.{limit} and study.caseloads.people_per_thousand, which lists people of {group}: no one of that age is in the cohort. Set "
                f"the number of {group} to 0, or choose another age"
            )


def _runs_stay_until_they_mature(settings: Settings, study: StudySettings) -> Iterator[str]:
    months, outcome = settings.upkeep.run_months, study.outcome
    needed = ceil((outcome.horizon_days + outcome.maturity_days) * MONTHS_PER_YEAR / DAYS_PER_YEAR)
    if months is not None and months < needed:
        yield (
            f"upkeep.run_months {months} and study.outcome.horizon_days {outcome.horizon_days} + maturity_days {outcome.maturity_days}: runs would be "
            f"removed before their outcomes are known, so none could be compared with what happened. Set upkeep.run_months to at least {needed}"
        )


def _codes_are_of_the_source(settings: Settings, study: StudySettings) -> Iterator[str]:
    source, allowed, codes = settings.source.chosen, settings.purpose.allowed_feeds, study.code_level
    if codes.groups == "omop_ancestors" and source.feeds_it_never_has:
        yield (
            f"study.code_level.groups 'omop_ancestors' and source.kind '{source.kind}': only an OMOP source has CONCEPT_ANCESTOR. Set "
            "study.code_level.groups to none or icd10_three_characters"
        )
    if not is_chosen(codes, "event_types"):
        return
    never = [name for name in codes.event_types if FEED_OF_TYPE[name] in source.feeds_it_never_has]
    if never:
        yield f"study.code_level.event_types has {', '.join(never)}, which source.kind '{source.kind}' never has; remove them"
    absent = [name for name in codes.event_types if name not in never and source.lacks(FEED_OF_TYPE[name])]
    if absent:
        yield (
            f"study.code_level.event_types has {', '.join(absent)} of feeds that the source ({source.kind}) does not deliver. Add the feeds to the source, "
            "or remove the event types"
        )
    barred = [name for name in codes.event_types if allowed is not None and FEED_OF_TYPE[name] not in allowed]
    if barred:
        yield (
            f"study.code_level.event_types has {', '.join(barred)} of feeds that purpose.allowed_feeds does not name; add the feeds if the approval "
            "covers them, or remove the event types"
        )


def _required_feeds_can_arrive(settings: Settings) -> Iterator[str]:
    """Yield a message for required feeds that are named, and that the source does not have or the approval does not cover."""
    source, allowed = settings.source.chosen, settings.purpose.allowed_feeds
    if not is_chosen(settings.schedule, "required_feeds"):
        return
    absent = [feed for feed in settings.schedule.required_feeds if not source.delivers(feed)]
    if absent:
        yield (
            f"schedule.required_feeds has {', '.join(absent)}, which the source ({source.kind}) does not deliver, so the data cut would not wait for "
            "it. Add the feed to the source, or remove it from schedule.required_feeds"
        )
    barred = [feed for feed in settings.schedule.required_feeds if allowed is not None and feed not in (*allowed, *absent)]
    if barred:
        yield (
            f"schedule.required_feeds has {', '.join(barred)}, which purpose.allowed_feeds does not name: a run would wait for a feed that it may not "
            "use. Add the feed if the approval covers it, or remove it from schedule.required_feeds"
        )


def _edition_has_a_file(settings: Settings) -> Iterator[str]:
    editions, wanted = [file.edition for file in settings.reference.deprivation], settings.study.imd_edition
    if editions and wanted not in editions and settings.source.chosen.is_conformed:
        yield (
            f"study.imd_edition {wanted} and reference.deprivation, which has only the edition {', '.join(map(str, editions))}: no one would have a "
            f"decile. Add the file of {wanted}, or set study.imd_edition to {editions[0]}"
        )


def _unknown(setting: str, what: str, names: tuple[str, ...], known: tuple[str, ...]) -> Iterator[str]:
    if message := names_not_known(what, names, known):
        yield f"{setting}: {message}"


def _catalogue(study: StudySettings) -> Catalogue:
    return build_catalogue(load_code_lists(None), study.imd_edition)


RULES: tuple[Rule, ...] = (
    _dates_fit_the_data_cut,
    _approval_covers_the_outcome,
    _approval_is_within_its_time,
    _readmission_has_discharges,
    _rows_are_of_the_source,
    _outcomes_have_arrived,
    _kinds_of_gates_exist,
    _places_exist,
    _predictors_exist,
    _drivers_not_shown_exist,
    _families_can_be_computed,
    _codes_are_of_the_source,
    _discharges_arrive,
    _predictors_are_of_the_families,
    _listed_people_are_in_the_cohort,
    _runs_stay_until_they_mature,
)
