"""Settings of different sections that contradict each other, or name what does not exist, are refused as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.errors import SettingsError
from pipelines.run.settings import read_settings

NHS: dict[str, Any] = {"kind": "nhs", "nhs": {}}
OMOP: dict[str, Any] = {"kind": "omop", "omop": {"folder": "cdm", "extract_date": "2025-01-01"}}
TABLE: dict[str, Any] = {
    "kind": "feature_table",
    "feature_table": {
        "file": "rows.csv", "delivered": "2025-01-01", "person": "p", "label": {"column": "y"}, "numbers": ["x"], "groups": {"race": {"column": "r"}},
    },
}  # fmt: skip
FOLDS: dict[str, Any] = {"validation": {"kind": "person_folds"}}
READMISSION: dict[str, Any] = {"outcome": {"name": "unplanned_readmission"}, **FOLDS}
DISCHARGES: dict[str, Any] = {"cohort": {"kind": "discharges"}}
GIVEN: dict[str, Any] = {"cohort": {"kind": "given"}, **FOLDS}
APPROVAL: dict[str, Any] = {"role": "Approver", "reason": "Gates read", "day": "2026-03-01"}
DATES: dict[str, Any] = {"train": ["2022-12-01", "2023-06-01"], "test": "2024-09-01", "score": "2025-12-01"}


def nhs(**feeds: dict) -> dict[str, Any]:
    return {"source": {"kind": "nhs", "nhs": {"feeds": {"patients": {}, "admissions": {}, **feeds}}}}


def omop(**more: Any) -> dict[str, Any]:
    return {"source": {"kind": "omop", "omop": {**OMOP["omop"], **more}}}


def table(**more: Any) -> dict[str, Any]:
    return {"source": {"kind": "feature_table", "feature_table": {**TABLE["feature_table"], **more}}}


def study(**more: Any) -> dict[str, Any]:
    return {"study": more}


def allowed(*feeds: str, **more: Any) -> dict[str, Any]:
    return {"purpose": {"allowed_feeds": list(feeds), **more}}


def written(folder: Path, settings: dict[str, Any]) -> Path:
    purpose = {"use": "planning", "approval": "A test", "approval_expires": "2099-12-31", **settings.get("purpose", {})}
    path = folder / "icb.yaml"
    path.write_text(yaml.safe_dump({"deployment": "a", "source": NHS, **settings, "purpose": purpose}))
    return path


# What is set, and texts of the message: both settings, or the setting and the name, and what to do.
CONTRADICTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a score after the data cut": (study(index_dates=DATES) | {"data_cut_date": "2025-11-30"}, ("study.index_dates.score", "data_cut_date", "2024-08-31")),
    "a test after the data cut": (
        study(index_dates=DATES) | {"data_cut_date": "2024-01-01"}, ("study.index_dates.test", "data_cut_date", "no data reach that day"),
    ),
    "a test that has not matured": (
        study(index_dates=DATES | {"score": None}) | {"data_cut_date": "2025-11-30"}, ("study.index_dates.test", "data_cut_date 2025-11-30", "2024-08-31"),
    ),
    "training that overlaps the derived test": (
        study(index_dates={"train": ["2024-07-01"]}) | {"data_cut_date": "2026-01-01"},
        ("study.index_dates.train 2024-07-01", "the test date 2024-10-01 (from data_cut_date 2026-01-01)", "up to 2023-07-04, or a later data_cut_date"),
    ),
    "training that overlaps the test of a synthetic board": (
        study(index_dates={"train": ["2024-07-01"]}) | {"source": {"kind": "synthetic", "synthetic": {}}},
        ("study.index_dates.train 2024-07-01", "the test date 2024-10-01 (from the data cut 2026-01-01)", "a later data cut"),
    ),
    "feeds that the approval lacks": (allowed("patients"), ("study.outcome.name", "purpose.allowed_feeds", "admissions", "add them")),
    "an approved feed that does not exist": (allowed("patients", "admissions", "gp_obs"), ("purpose.allowed_feeds.2", "no feed gp_obs", "gp_observations")),
    "an approved feed twice": (allowed("admissions", "admissions"), ("purpose.allowed_feeds", "admissions is listed more than once")),
    "no approved feed": (allowed(), ("purpose.allowed_feeds", "it is empty; name at least one, or remove the setting")),
    "an approval after the end": (
        {"purpose": {"approval_expires": "2026-02-28"}} | study(approval=APPROVAL),
        ("study.approval.day 2026-03-01", "purpose.approval_expires 2026-02-28", "Renew"),
    ),
    "an approval of a further study after the end": (
        {"purpose": {"approval_expires": "2026-02-28"}} | study(also=[{"name": "d", "outcome": {"name": "death"}, "approval": APPROVAL}]),
        ("study.approval.day 2026-03-01", "purpose.approval_expires 2026-02-28", "Renew"),
    ),
    "readmissions without discharges": (study(**READMISSION), ("study.outcome.name 'unplanned_readmission'", "study.cohort.kind", "to discharges")),
    "readmissions by another name": (
        study(outcome={"name": "back", "defined_as": "unplanned_readmission"}), ("study.outcome.name", "study.cohort.kind 'registered'", "to discharges"),
    ),
    "rows that no one gives": (study(**GIVEN), ("study.cohort.kind 'given'", "source.kind 'nhs'", "Set study.cohort.kind")),
    "rows that an OMOP source does not give": (study(**GIVEN) | omop(), ("study.cohort.kind 'given'", "source.kind 'omop'", "target_cohort_id")),
    "rows that are given and not used": (omop(target_cohort_id=1), ("study.cohort.kind 'registered'", "source.omop.target_cohort_id", "to given")),
    "outcomes that have not arrived": (
        study(outcome={"maturity_days": 30}), ("study.outcome.maturity_days 30", "45 days of the feed admissions", "at least 45"),
    ),
    "outcomes of a slow feed": (
        nhs(admissions={"lag_days": 120}), ("study.outcome.maturity_days 90", "120 days of the feed admissions", "at least 120"),
    ),
    "outcomes of a slow CDM": (omop(lag_days=100), ("study.outcome.maturity_days 90", "lag of 100 days", "at least 100")),
    "a gate by an unknown kind": (study(gates={"slope_kinds": ["imd_qintile"]}), ("study.gates.slope_kinds", "no group kind imd_qintile", "mean imd_quintile")),
    "needs by an unknown kind": (study(gates={"need_kinds": ["ethnicity"]}), ("study.gates.need_kinds", "no group kind ethnicity", "ethnic_group")),
    "an unknown kind in order": (study(gates={"ordered_kinds": ["ages"]}), ("study.gates.ordered_kinds", "no group kind ages", "age_band")),
    "a gate by a kind that a table lacks": (
        study(gates={"calibration_kinds": ["imd_quintile"]}, **FOLDS) | table(), ("study.gates.calibration_kinds", "no group kind imd_quintile", "race"),
    ),
    "an unknown kind of team": (study(capacity={"team": "practice"}), ("study.capacity.team", "no place practice", "practice_code")),
    "an unknown kind of place": (study(validation={"places": "region"}), ("study.validation.places", "no place region", "sub_icb_code")),
    "an unknown predictor": (
        study(candidates={"baseline_predictors": ["age_year"]}), ("study.candidates.baseline_predictors", "no feature age_year", "did you mean age_years"),
    ),
    "a driver that does not exist": (study(drivers_not_shown=["hvi"]), ("study.drivers_not_shown", "no feed, concept or feature hvi", "hiv")),
    "a family that the source lacks": (study(feature_families=["OMOP source"]), ("study.feature_families", "source.kind 'nhs'", "Remove the family")),
    "a family that is not approved": (
        study(feature_families=["demographics", "medicines"]) | allowed("patients", "admissions"),
        ("study.feature_families has 'medicines'", "purpose.allowed_feeds", "gp_medication_orders", "Remove the family"),
    ),
    "ancestors without a vocabulary": (study(code_level={"groups": "omop_ancestors"}), ("study.code_level.groups", "source.kind 'nhs'", "to none")),
    "events that the source lacks": (study(code_level={"event_types": ["omop_drug"]}), ("study.code_level.event_types", "omop_drug", "remove them")),
    "events that are not approved": (
        study(code_level={"event_types": ["gp_observation"]}) | allowed("patients", "admissions"),
        ("study.code_level.event_types has gp_observation", "purpose.allowed_feeds", "remove the event types"),
    ),
    "a required feed that does not exist": ({"schedule": {"required_feeds": ["foo"]}}, ("schedule.required_feeds.0", "no feed foo", "the feeds are")),
    "a required feed that the source lacks": (
        nhs() | {"schedule": {"required_feeds": ["patients", "gp_observations"]}},
        ("schedule.required_feeds has gp_observations", "the source (nhs) does not deliver", "remove it from schedule.required_feeds"),
    ),
    "a required feed that a table lacks": (
        study(**FOLDS) | table() | {"schedule": {"required_feeds": ["patients"]}}, ("schedule.required_feeds has patients", "feature_table", "remove it"),
    ),
    "a required feed that is not approved": (
        allowed("patients", "admissions") | {"schedule": {"required_feeds": ["gp_observations"]}},
        ("schedule.required_feeds has gp_observations", "purpose.allowed_feeds", "remove it from schedule.required_feeds"),
    ),
    "an edition without a file": (
        {"reference": {"deprivation": [{"edition": 2019, "file": "imd.csv"}]}}, ("study.imd_edition 2025", "reference.deprivation", "imd_edition to 2019"),
    ),
    "a column from a header and a constant": (
        nhs(patients={"columns": {"sex": "GENDER"}, "constants": {"sex": "9"}}), ("feeds.patients: sex", "columns", "constants", "remove it from one"),
    ),
    "a column that is delivered and is not": (
        nhs(patients={"columns": {"death_date": "DOD"}, "not_delivered": ["death_date"]}), ("death_date", "columns", "not_delivered", "remove it from one"),
    ),
    "a constant that is not delivered": (
        nhs(patients={"constants": {"sex": "9"}, "not_delivered": ["sex"]}), ("feeds.patients: sex", "constants", "not_delivered", "remove it from one"),
    ),
    "the form of a date that is not delivered": (
        nhs(patients={"dates": {"death_date": "MM/DD/YYYY"}, "not_delivered": ["death_date"]}), ("death_date", "dates", "not_delivered", "remove it"),
    ),
    "an admission after its discharge": (
        nhs(admissions={"lag_days": 10, "admission_lag_days": 11}), ("admission_lag_days 11", "lag_days 10", "with_discharge"),
    ),
    "an outcome that is missing": (
        study(**FOLDS) | table(label={"column": "y", "negative": ["0", "NA"]}), ("'NA'", "label.negative", "missing_values", "remove it from one"),
    ),
    "a file twice": (nhs(patients={"files": ["a.csv", "a.csv"]}), ("patients.files", "a.csv is listed more than once")),
    "dummies of a feed that does not exist": (
        {"validation": {"dummy_person_rows": {"admission": 300}}}, ("validation.dummy_person_rows.admission", "no feed admission", "mean admissions"),
    ),
    "a limit of a rule that the feed lacks": (
        {"validation": {"limits": {"registrations.month_gap": 0.5}}}, ("validation.limits", "registrations has no rule 'month_gap'", "its rules are"),
    ),
    "an accepted breach of a rule that the feed lacks": (
        {"validation": {"accepted": [{"feed": "admissions", "rule": "below_published_list", "delivery": "2026-01-01", "reason": "It is reviewed"}]}},
        ("validation.accepted.0", "admissions has no rule 'below_published_list'", "its rules are"),
    ),
    "a column of methods without methods": (
        omop(admission_method_column="kind"), ("source.omop", "admission_method_column 'kind'", "admission_methods", "or remove the column"),
    ),
    "a user without a password": (
        {"alerts": {"email": {"host": "relay", "sender": "a@b", "recipients": ["c@d"], "user_variable": "USER"}}},
        ("alerts.email", "user_variable", "password_variable", "set both"),
    ),
    "a recipient twice": (
        {"alerts": {"email": {"host": "relay", "sender": "a@b", "recipients": ["c@d", "c@d"]}}}, ("alerts.email.recipients", "c@d is listed more than once"),
    ),
    "a cohort of discharges that is not approved": (
        study(**DISCHARGES, outcome={"name": "death"}, **FOLDS) | allowed("patients"), ("study.cohort.kind 'discharges'", "purpose.allowed_feeds", "to registered"),
    ),
    "a cohort of discharges that are not delivered": (
        study(**DISCHARGES, outcome={"name": "death"}, **FOLDS) | {"source": {"kind": "nhs", "nhs": {"feeds": {"patients": {}}}}},
        ("study.cohort.kind 'discharges'", "does not deliver admissions", "Add the feed"),
    ),
    "predictors of a family that is not used": (
        study(feature_families=["medicines"], candidates={"baseline_predictors": ["emergency_spells_365d", "age_years"]}),
        ("study.candidates.baseline_predictors", "study.feature_families lacks", "Add the family"),
    ),
    "a family whose feeds are not delivered": (
        nhs() | study(feature_families=["demographics", "medicines"]), ("study.feature_families has 'medicines'", "source.kind 'nhs'", "Remove the family"),
    ),
    "events of a feed that is not delivered": (
        nhs() | study(code_level={"event_types": ["gp_observation"]}), ("study.code_level.event_types", "does not deliver", "remove the event types"),
    ),
    "a list of people who are too old": (
        study(cohort={"maximum_age": 60}, caseloads={"people_per_thousand": {"65+": 20}}),
        ("study.cohort.maximum_age 60", "study.caseloads.people_per_thousand", "65+", "to 0"),
    ),
    "a list of people who are too young": (
        study(cohort={"minimum_age": 18}, caseloads={"people_per_thousand": {"0-17": 1, "65+": 20}}),
        ("study.cohort.minimum_age 18", "study.caseloads.people_per_thousand", "0-17", "to 0"),
    ),
    "runs that are removed before they mature": (
        {"upkeep": {"run_months": 6}}, ("upkeep.run_months 6", "study.outcome.horizon_days 365 + maturity_days 90", "at least 15"),
    ),
    "identifiers of a feed of pseudonyms": (
        nhs(admissions={"identifiers": "nhs_number"}), ("feeds.admissions.identifiers nhs_number", "pseudonymised true", "or remove identifiers"),
    ),
    "test numbers of feeds of pseudonyms": (
        {"source": {"kind": "nhs", "nhs": {"pseudonyms": {"test_nhs_numbers": ["999"]}}}},
        ("pseudonyms.test_nhs_numbers", "all pseudonymised", "or remove test_nhs_numbers"),
    ),
    "a lookup of postcodes that no feed has": (
        {"source": {"kind": "nhs", "nhs": {"feeds": {"admissions": {}}, "postcode_lookup": "p.csv"}}}, ("postcode_lookup", "Add the feed", "or remove"),
    ),
    "an injustice to no one": (
        {"source": {"kind": "synthetic", "synthetic": {"injustice": {"served": 0.5}}}}, ("injustice", "served", "Set group"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "texts"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_with_both_settings_and_a_remedy(
    tmp_path: Path, settings: dict, texts: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(written(tmp_path, settings))
    assert [text for text in texts if text not in str(refused.value)] == []


@pytest.mark.parametrize(
    "settings",
    [
        {}, study(index_dates=DATES | {"score": None}) | {"data_cut_date": "2025-12-01"}, {"purpose": {"approval_expires": "2026-03-01"}} | study(approval=APPROVAL),
        study(**READMISSION, **DISCHARGES), study(**READMISSION) | table(), study(**GIVEN) | omop(target_cohort_id=1), study(**FOLDS) | omop(),
        study(outcome={"maturity_days": 45}), study(outcome={"name": "death", "maturity_days": 14}), study(outcome={"maturity_days": 0}) | omop(),
        study(gates={"slope_kinds": ["imd_decile", "core20plus", "imd_quintile_by_ethnic_group"]}), study(gates={"need_kinds": []}),
        study(gates={"calibration_kinds": ["race"]}, **FOLDS) | table(), study(**FOLDS) | table(), study(validation={"places": "local_authority_code"}),
        study(candidates={"baseline_predictors": ["systolic"]}, **FOLDS) | table(), study(feature_families=["OMOP source"]) | omop(),
        study(feature_families=["demographics", "deprivation"]) | allowed("patients", "admissions", "addresses"), allowed("patients", "admissions"),
        study(code_level={"groups": "omop_ancestors", "event_types": ["omop_drug"]}) | omop(), nhs(), {"schedule": {"required_feeds": ["gp_observations"]}},
        nhs() | {"schedule": {"required_feeds": ["patients", "registrations", "admissions"]}}, omop() | {"schedule": {"required_feeds": ["omop_person"]}},
        study(imd_edition=2019) | {"reference": {"deprivation": [{"edition": 2019, "file": "imd.csv"}]}}, nhs(admissions={"admission_lag_days": "with_discharge"}),
        nhs(patients={"columns": {"person_id": "ID", "practice_code": "ID"}}), {"upkeep": {"run_months": 15}},
        study(cohort={"maximum_age": 60}), study(cohort={"maximum_age": 65}, caseloads={"people_per_thousand": {"65+": 20}}),
        study(feature_families=["demographics", "utilisation"], candidates={"baseline_predictors": ["age_years"]}),
        study(feature_families=["demographics", "medicines"], outcome={"maturity_days": 0}) | omop(),
        nhs(admissions={"identifiers": "nhs_number", "pseudonymised": False}), study(outcome={"name": "death"}) | nhs(),
    ],
)  # fmt: skip
def test_settings_that_fit_each_other_are_accepted(tmp_path: Path, settings: dict) -> None:
    read_settings(written(tmp_path, settings))
