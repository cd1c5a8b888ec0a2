import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.estimators import NoPredictorsError, candidate_specs
from models.fitting import Fitting
from models.methods import fitting_method
from models.predictors import Predictor, SchemaMismatchError
from models.settings import BandSettings, CandidateSettings, LightGBMSettings, LogisticSettings
from models.splitting import person_folds
from models.training import TooFewEventsError, TrainingPlan, train_candidate
from models.training_data import training_data

SETTINGS = CandidateSettings(lightgbm=LightGBMSettings(rounds=60))


def _plan(settings=SETTINGS, **changes):
    return TrainingPlan("admission", 365, settings, BandSettings(), Fitting(1), **changes)


def _train(data, name="logistic", settings=SETTINGS, **changes):
    specs, _ = candidate_specs(settings.model_copy(update={"names": (name,)}), data.predictors)
    return train_candidate(specs[0], data, person_folds(data.person, 3, 1), _plan(settings, **changes))


def test_candidates_differ_in_method_and_predictors(small_board):
    specs, notes = candidate_specs(SETTINGS, small_board.predictors)
    assert [(spec.name, spec.method, len(spec.predictors)) for spec in specs] == [
        ("age_sex", "logistic", 2),
        ("logistic", "logistic", 8),
        ("logistic_no_deprivation", "logistic", 7),
        ("lightgbm", "lightgbm", 8),
        ("lightgbm_no_deprivation", "lightgbm", 7),
    ]
    assert [note.split(":")[0] for note in notes] == ["charlson_age_sex is skipped"]


def test_the_comorbidity_candidate_takes_the_first_score_there_is(small_board):
    scores = [Predictor(name) for name in ("hospital_frailty_score_730d", "charlson_shmi_1825d")]
    taken = []
    for offered in (scores, scores[:1]):
        specs, notes = candidate_specs(CandidateSettings(names=("charlson_age_sex",)), [*small_board.predictors, *offered])
        assert notes == ()
        taken.append([predictor.name for predictor in specs[0].predictors])
        assert specs[0].method == "logistic"
    assert taken == [["age_years", "sex_male", "charlson_shmi_1825d"], ["age_years", "sex_male", "hospital_frailty_score_730d"]]


def test_without_a_deprivation_feature_there_is_nothing_to_leave_out(small_board):
    specs, notes = candidate_specs(SETTINGS, [p for p in small_board.predictors if not p.uses_deprivation])
    assert [spec.name for spec in specs] == ["age_sex", "logistic", "lightgbm"]
    assert "logistic_no_deprivation is skipped" in notes[1]


def test_a_table_without_age_and_sex_has_no_baseline_and_the_note_says_what_to_set(small_board):
    others = [predictor for predictor in small_board.predictors if predictor.concept]
    specs, notes = candidate_specs(SETTINGS, others)
    assert not {"age_sex", "charlson_age_sex"} & {spec.name for spec in specs}
    assert [note.split(":")[0] for note in notes[:2]] == ["age_sex is skipped", "charlson_age_sex is skipped"]
    assert "candidates.baseline_predictors" in notes[0]
    with pytest.raises(NoPredictorsError, match="no candidate is left to train: age_sex is skipped"):
        candidate_specs(CandidateSettings(names=("age_sex",)), others)


def test_a_baseline_that_names_what_is_no_predictor_is_refused(small_board):
    others = [predictor for predictor in small_board.predictors if predictor.concept]
    named = CandidateSettings(baseline_predictors=("systolic",), names=("age_sex",))
    assert candidate_specs(named, others)[0][0].predictors[0].name == "systolic"
    with pytest.raises(NoPredictorsError, match="names columns that are not predictors: height"):
        candidate_specs(CandidateSettings(baseline_predictors=("height",)), others)


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_out_of_fold_risks_are_calibrated_and_rank(small_board, name):
    trained = _train(small_board, name)
    assert not np.isnan(trained.out_of_fold_risk).any()
    assert trained.out_of_fold_risk.mean() == pytest.approx(small_board.labels.mean(), rel=0.03)
    assert roc_auc_score(small_board.labels, trained.out_of_fold_risk) > 0.7
    assert any("always_one" in note for note in trained.notes)


def test_a_persons_labels_never_reach_their_own_risk(small_board):
    folds = person_folds(small_board.person, 3, 1)
    flipped = training_data(
        small_board.frame,
        small_board.predictors,
        np.where(folds == 0, 1 - small_board.labels, small_board.labels),
        small_board.person,
    )
    ours, theirs = (_train(data, "lightgbm", tune_in_folds=True).out_of_fold_risk for data in (small_board, flipped))
    assert not np.array_equal(ours, theirs)
    own = _own_fold_only(small_board, flipped, folds)
    assert own[0].tobytes() == own[1].tobytes()


def _own_fold_only(data, flipped, folds):
    """Margins of fold 0, which a model of the other folds gives: the labels of fold 0 cannot matter."""
    boosting = fitting_method("lightgbm", SETTINGS, Fitting(1))
    margins = []
    for rows in (data, flipped):
        others = np.flatnonzero(folds != 0)
        margins.append(boosting.fit(rows, others, boosting.tune(rows, others)).margin(rows.features(folds == 0)))
    return margins


def test_people_without_gp_coverage_have_an_estimator_of_their_own(small_board):
    trained = _train(small_board)
    assert "systolic" in trained.model.main.estimator.used
    assert "systolic" not in trained.model.without_gp.estimator.used
    frame = small_board.frame.assign(systolic=np.float32(250))
    uncovered = ~small_board.gp_covered
    assert (trained.model.predict(frame)[uncovered] == trained.model.predict(small_board.frame)[uncovered]).all()
    assert (trained.model.predict(frame)[~uncovered] != trained.model.predict(small_board.frame)[~uncovered]).any()


def test_gp_feeds_that_cover_too_few_events_are_left_out(small_board):
    uncovered = training_data(
        small_board.frame.assign(gp_covered=False), small_board.predictors, small_board.labels, small_board.person
    )
    trained = _train(uncovered)
    assert trained.model.without_gp is None and not trained.model.needs_gp
    assert any("1 predictors of the GP feeds are excluded: they cover 0 outcome events" in note for note in trained.notes)


def test_too_few_events_refuse_and_name_both_numbers(make_board):
    tiny = make_board(200, 2)
    message = rf"training has {tiny.events} outcome events in 200 rows of 200 people and needs 100.*allow_too_few_events"
    with pytest.raises(TooFewEventsError, match=message):
        _train(tiny)


@pytest.mark.parametrize("name", ["age_sex", "logistic", "lightgbm"])
def test_a_setting_allows_too_few_events(make_board, name):
    tiny = make_board(100, 3)
    trained = _train(tiny, name, SETTINGS.model_copy(update={"allow_too_few_events": True}))
    assert f"trained on {tiny.events} outcome events where 100 are needed: for demonstration only" in trained.notes
    assert np.isfinite(trained.model.predict(tiny.frame)).all()


def test_one_outcome_alone_never_trains(small_board):
    none = training_data(small_board.frame, small_board.predictors, np.zeros(small_board.rows), small_board.person)
    with pytest.raises(TooFewEventsError, match="at least one row with the outcome"):
        _train(none, settings=SETTINGS.model_copy(update={"allow_too_few_events": True}))


@pytest.mark.parametrize("name", ["logistic", "lightgbm"])
def test_a_large_table_is_fitted_once_and_calibrated_on_people_held_out(make_board, name):
    large = make_board(4000, 5, rows_each=2)
    trained = _train(large, name, SETTINGS.model_copy(update={"cross_fit_rows": 1000}))
    held_out = ~np.isnan(trained.out_of_fold_risk)
    assert held_out.mean() == pytest.approx(0.1, abs=0.03)
    assert not set(large.person[held_out]) & set(large.person[~held_out])
    assert trained.model.record["main"]["calibrated_on"] == "a tenth of the people, held out"


def test_a_sampled_training_says_by_which_rule(make_board):
    few = SETTINGS.model_copy(update={"logistic": LogisticSettings(maximum_rows=1000, prior_variances=(0.1,))})
    assert "of 3,000 rows about 1,000 train: a hash of each person's key" in _train(make_board(3000, 5), settings=few).notes[-1]


def test_the_same_input_gives_the_same_model(small_board):
    assert _train(small_board, "lightgbm").model.digest == _train(small_board, "lightgbm").model.digest


def test_unknown_labels_are_refused(small_board):
    with pytest.raises(ValueError, match="exclude rows whose outcome is not known"):
        training_data(small_board.frame, small_board.predictors, np.full(small_board.rows, np.nan), small_board.person)
    with pytest.raises(ValueError, match="person has 1 values for 3000 rows"):
        training_data(small_board.frame, small_board.predictors, small_board.labels, np.array(["a"]))
    with pytest.raises(SchemaMismatchError, match="these rows cannot train a model"):
        training_data(pd.DataFrame({"a": [1]}), small_board.predictors, np.array([1]), np.array(["a"]))


def test_weights_move_the_mean_risk(small_board):
    heavier = np.where(small_board.labels == 1, 2.0, 1.0)
    weighted = training_data(small_board.frame, small_board.predictors, small_board.labels, small_board.person, heavier)
    expected = np.average(small_board.labels, weights=heavier)
    assert np.average(_train(weighted).out_of_fold_risk, weights=heavier) == pytest.approx(expected, rel=0.03)
