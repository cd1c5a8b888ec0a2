
CREATE TABLE strata.risk__runs (
    "run_id" text NOT NULL,
    "status" text NOT NULL,
    "recorded_at" text NOT NULL,
    "purpose" text NOT NULL,
    "approval" text NOT NULL,
    "approval_expires" date NOT NULL,
    "outcome" text NOT NULL,
    "index_date" date NOT NULL,
    "data_cut_date" date NOT NULL,
    "model_name" text NOT NULL,
    "model_version" text NOT NULL,
    "model_digest" text NOT NULL,
    "code_version" text NOT NULL,
    "settings_version" text NOT NULL,
    "rows" bigint NOT NULL,
    "scores_digest" text NOT NULL,
    "table_versions" text NOT NULL,
    "suppressed" text NOT NULL,
    "reason" text NOT NULL,
    PRIMARY KEY (run_id, status, recorded_at)
);

CREATE TABLE strata.risk__scores (
    "run_id" text NOT NULL,
    "purpose" text NOT NULL,
    "scored_at" text NOT NULL,
    "index_date" date NOT NULL,
    "index_event_id" text NOT NULL,
    "data_cut_date" date NOT NULL,
    "horizon_days" integer NOT NULL,
    "outcome" text NOT NULL,
    "outcome_definition_version" text NOT NULL,
    "person_id" text NOT NULL,
    "practice_code" text,
    "pcn_code" text,
    "neighbourhood_code" text,
    "sub_icb_code" text,
    "icb_code" text,
    "geography_version" text NOT NULL,
    "lsoa_code" text,
    "lsoa_vintage" integer,
    "imd_decile" integer,
    "imd_version" text,
    "risk" double precision NOT NULL,
    "risk_percentile" double precision NOT NULL,
    "risk_rank_in_practice" integer,
    "age_group" text,
    "risk_percentile_in_age_group" double precision,
    "risk_rank_in_practice_age_group" integer,
    "risk_band" text NOT NULL,
    "band_scheme_version" text NOT NULL,
    "previous_risk" double precision,
    "risk_change" double precision,
    "rising_risk" boolean,
    "emergency_admissions_730d" integer,
    "eligible" boolean NOT NULL,
    "suppression_reason" text,
    "end_of_life" boolean,
    "in_hospital_now" boolean,
    "care_home" boolean,
    "on_caseload" boolean,
    "coverage" text NOT NULL,
    "model_name" text NOT NULL,
    "model_version" text NOT NULL,
    "mlflow_run_id" text,
    "feature_set_version" text NOT NULL,
    "code_version" text NOT NULL,
    "data_quality_status" text NOT NULL,
    "missing_share" double precision,
    PRIMARY KEY (run_id, outcome, person_id, index_event_id)
) PARTITION BY LIST (run_id);

CREATE TABLE strata.risk__drivers (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "person_id" text NOT NULL,
    "index_event_id" text NOT NULL,
    "driver_rank" integer NOT NULL,
    "driver" text NOT NULL,
    "direction" text NOT NULL,
    "contribution" double precision NOT NULL,
    "features" text NOT NULL,
    PRIMARY KEY (run_id, outcome, person_id, index_event_id, driver_rank)
) PARTITION BY LIST (run_id);

CREATE TABLE strata.risk__caseload (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "place_kind" text NOT NULL,
    "place_code" text NOT NULL,
    "age_group" text NOT NULL,
    "person_id" text NOT NULL,
    "index_event_id" text NOT NULL,
    "practice_code" text,
    "listed" boolean NOT NULL,
    "list_rank" integer,
    "absent_reason" text,
    "risk" double precision,
    "risk_band" text,
    "risk_change" double precision,
    "listed_before" boolean,
    "end_of_life" boolean,
    "in_hospital_now" boolean,
    "care_home" boolean,
    "on_caseload" boolean,
    "coverage" text,
    "last_emergency_admission" date,
    "last_ae_attendance" date,
    "last_outpatient_visit" date,
    "last_gp_contact" date,
    PRIMARY KEY (run_id, outcome, place_code, person_id)
) PARTITION BY LIST (run_id);

CREATE TABLE strata.risk__rising (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "person_id" text NOT NULL,
    "index_event_id" text NOT NULL,
    "practice_code" text,
    "age_group" text,
    "compared_run_id" text NOT NULL,
    "compared_index_date" date NOT NULL,
    "risk" double precision NOT NULL,
    "risk_before" double precision NOT NULL,
    "risk_change" double precision NOT NULL,
    "risk_band" text NOT NULL,
    "risk_band_before" text NOT NULL,
    "bands_risen" integer NOT NULL,
    PRIMARY KEY (run_id, outcome, person_id, index_event_id)
) PARTITION BY LIST (run_id);

CREATE TABLE strata.equity__model_audit (
    "training_id" text NOT NULL,
    "outcome" text NOT NULL,
    "candidate" text NOT NULL,
    "model_version" text,
    "split" text NOT NULL,
    "group_kind" text NOT NULL,
    "group_name" text NOT NULL,
    "metric" text NOT NULL,
    "value" double precision,
    "lower" double precision,
    "upper" double precision,
    "people" bigint,
    "events" bigint,
    "suppressed" boolean NOT NULL,
    PRIMARY KEY (training_id, outcome, candidate, split, group_kind, group_name, metric)
);

CREATE TABLE strata.equity__outcome_rates (
    "outcome" text NOT NULL,
    "period" text NOT NULL,
    "index_date" date NOT NULL,
    "period_end" date NOT NULL,
    "group_kind" text NOT NULL,
    "group_name" text NOT NULL,
    "measure" text NOT NULL,
    "compared_with" text NOT NULL,
    "value" double precision,
    "lower" double precision,
    "upper" double precision,
    "people" bigint,
    "events" bigint,
    "suppressed" boolean NOT NULL,
    "reason" text NOT NULL,
    PRIMARY KEY (outcome, period, group_kind, group_name, measure, compared_with)
);

CREATE TABLE strata.monitoring__access (
    "recorded_at" text NOT NULL,
    "role" text NOT NULL,
    "reason" text NOT NULL,
    "practice_code" text NOT NULL,
    "run_ids" text NOT NULL,
    "identifiers_given" integer NOT NULL,
    "people_matched" integer NOT NULL,
    PRIMARY KEY (recorded_at)
);

CREATE TABLE strata.monitoring__alerts (
    "rule" text NOT NULL,
    "subject" text NOT NULL,
    "since" date NOT NULL,
    "state" text NOT NULL,
    "last_seen" date NOT NULL,
    "recovered_on" date,
    "value" double precision NOT NULL,
    "limit_value" double precision NOT NULL,
    "message" text NOT NULL,
    "runbook" text NOT NULL,
    "told_open" text NOT NULL,
    "told_recovered" text NOT NULL,
    "message_problem" text NOT NULL,
    PRIMARY KEY (rule, subject, since)
);

CREATE TABLE strata.monitoring__calibration (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "index_date" date NOT NULL,
    "data_cut_date" date NOT NULL,
    "model_name" text NOT NULL,
    "model_version" text NOT NULL,
    "group_kind" text NOT NULL,
    "group_name" text NOT NULL,
    "metric" text NOT NULL,
    "value" double precision,
    "lower" double precision,
    "upper" double precision,
    "people" bigint,
    "events" bigint,
    "suppressed" boolean NOT NULL,
    PRIMARY KEY (run_id, group_kind, group_name, metric)
);

CREATE TABLE strata.monitoring__drift (
    "index_date" date NOT NULL,
    "feature" text NOT NULL,
    "label" text NOT NULL,
    "feed" text NOT NULL,
    "model_name" text NOT NULL,
    "model_version" text NOT NULL,
    "reference_dates" text NOT NULL,
    "drift_rank" integer NOT NULL,
    "psi" double precision,
    "psi_by_chance" double precision,
    "status" text NOT NULL,
    "share_missing_training" double precision NOT NULL,
    "share_missing" double precision NOT NULL,
    "share_missing_change" double precision NOT NULL,
    "top_bin" text NOT NULL,
    "top_bin_share_training" double precision,
    "top_bin_share" double precision,
    PRIMARY KEY (index_date, model_name, feature)
);

CREATE TABLE strata.monitoring__exclusions (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "list_name" text NOT NULL,
    "treatment" text NOT NULL,
    "reason" text NOT NULL,
    "people" bigint NOT NULL,
    "people_unknown" bigint,
    PRIMARY KEY (run_id, list_name, treatment, reason)
);

CREATE TABLE strata.monitoring__same_day_emergency_care (
    "provider_code" text NOT NULL,
    "quarter" date NOT NULL,
    "emergency_spells" bigint NOT NULL,
    "zero_day_spells" bigint NOT NULL,
    "zero_day_share" double precision,
    "same_day_care" bigint NOT NULL,
    "zero_day_care" bigint NOT NULL,
    "share_in_emergency_care" double precision,
    "share_change" double precision,
    "switched" boolean NOT NULL,
    PRIMARY KEY (provider_code, quarter)
);

CREATE TABLE strata.monitoring__scores (
    "run_id" text NOT NULL,
    "outcome" text NOT NULL,
    "index_date" date NOT NULL,
    "previous_run_id" text NOT NULL,
    "group_kind" text NOT NULL,
    "group_name" text NOT NULL,
    "measure" text NOT NULL,
    "value" double precision,
    "people" bigint,
    "suppressed" boolean NOT NULL,
    PRIMARY KEY (run_id, group_kind, group_name, measure)
);

CREATE TABLE strata.monitoring__stages (
    "stage" text NOT NULL,
    "index_date" text NOT NULL,
    "started_at" text NOT NULL,
    "status" text NOT NULL,
    "wall_s" double precision NOT NULL,
    "cpu_s" double precision NOT NULL,
    "inputs" text NOT NULL,
    "outputs" text NOT NULL,
    PRIMARY KEY (stage, index_date, started_at)
);

CREATE TABLE strata.monitoring__validation (
    "feed" text NOT NULL,
    "extract_id" text NOT NULL,
    "rule" text NOT NULL,
    "column_name" text NOT NULL,
    "organisation_code" text NOT NULL,
    "month" date,
    "severity" text NOT NULL,
    "rows_broken" bigint NOT NULL,
    "share" double precision,
    "limit" double precision,
    "passed" boolean NOT NULL,
    "note" text NOT NULL
);

CREATE TABLE strata.monitoring__volumes (
    "feed" text NOT NULL,
    "organisation_code" text NOT NULL,
    "month" date NOT NULL,
    "extract_date" date NOT NULL,
    "rows" bigint NOT NULL,
    "rows_before" bigint,
    "share_of_before" double precision,
    PRIMARY KEY (feed, organisation_code, month, extract_date)
);
