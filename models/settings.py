"""What a study may set about its models: candidates, validation, capacity and bands. Gates are in gate_settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.feeds import GP_FEEDS
from expectations.setting_types import Distinct, FeedName
from models.candidates import DEFAULT_CANDIDATES, CandidateName

CalibrationMethod = Literal["logistic", "beta", "isotonic"]


class LogisticSettings(BaseModel, extra="forbid", frozen=True):
    """The penalised logistic regression."""

    prior_variances: Distinct[float] = Field(
        default=(0.001, 0.01, 0.1, 1.0),
        min_length=1,
        description="ridge penalties to choose from, as variance of a standardised coefficient",
    )
    spline_knots: int = Field(default=5, ge=3, le=9, description="knots of the spline of a number with enough distinct values")
    minimum_level_rows: int = Field(default=5, ge=1, description="a category level on fewer training rows joins 'other'")
    maximum_rows: int = Field(default=200_000, ge=1_000, description="training rows above which people are sampled by their hash")
    code_prior_variances: Distinct[float] = Field(
        default=(0.00125, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32),
        min_length=1,
        description="lasso penalties to choose from where code-level columns are among the predictors, as variance of the Laplace "
        "prior of a coefficient; searched from the middle for as long as held-out people gain",
    )


class TuningSettings(BaseModel, extra="forbid", frozen=True):
    """How long the boosting may be tuned, on folds of people of the training dates; off without trials."""

    trials: int = Field(default=0, ge=0, le=1_000, description="settings to try for each candidate; 0 for no tuning")
    minutes: float = Field(default=30.0, gt=0, description="minutes after which no trial begins, for each candidate")
    folds: int = Field(default=3, ge=2, le=10, description="folds of people on which a trial is evaluated")
    maximum_rows: int = Field(default=200_000, ge=1_000, description="training rows above which people are sampled by their hash")


class LightGBMSettings(BaseModel, extra="forbid", frozen=True):
    """Gradient boosting. The defaults suit 1,000 to 10 million rows: leaves shrink with few events."""

    leaves: int = Field(default=31, ge=2, le=255, description="most leaves of a tree")
    rounds: int = Field(default=300, ge=10, le=5_000, description="most trees; early stopping on held-out people decides")
    learning_rate: float = Field(default=0.05, gt=0, le=0.5, description="shrinkage of each tree")
    feature_share: float = Field(default=0.4, gt=0, le=1, description="share of the features that each tree may use")
    minimum_leaf_rows: int = Field(default=100, ge=1, description="fewest training rows in a leaf; fewer for small tables")
    l2: float = Field(default=5.0, ge=0, description="ridge penalty on leaf values")
    category_l2: float = Field(default=50.0, ge=0, description="ridge penalty where a category splits")
    category_smoothing: float = Field(default=50.0, ge=0, description="rows by which a category's level is drawn to the mean")
    minimum_level_rows: int = Field(default=20, ge=1, description="a category level on fewer training rows is treated as missing")
    bins: int = Field(default=255, ge=15, le=255, description="most bins of a number")
    patience: int = Field(default=30, ge=5, description="trees without improvement before stopping")
    code_columns: int = Field(
        default=1_000,
        ge=10,
        description="code-level columns that are offered to the trees: those most associated with the outcome in the training rows",
    )
    code_leaves: int = Field(default=8, ge=2, le=255, description="most leaves of a tree where code-level columns are offered")
    code_leaf_rows: int = Field(
        default=30,
        ge=1,
        description="fewest training rows in a leaf in that case: a code that few people have must be able to split",
    )
    code_l2: float = Field(default=20.0, ge=0, description="ridge penalty on leaf values in that case")
    code_learning_rate: float = Field(default=0.1, gt=0, le=0.5, description="shrinkage of each tree in that case")
    maximum_rows: int = Field(
        default=5_000_000, ge=1_000, description="training rows above which people are sampled by their hash"
    )
    tuning: TuningSettings = Field(default=TuningSettings(), description="tuning of leaves, shrinkage, shares and penalties")


class CandidateSettings(BaseModel, extra="forbid", frozen=True):
    """The models that are trained and compared with each other, and how they are fitted."""

    names: Distinct[CandidateName] = Field(
        default=DEFAULT_CANDIDATES,
        min_length=1,
        description="candidates to train: the method, then what it learns from; charlson_age_sex takes a comorbidity score with age and "
        "sex, and is skipped if no score is computed. A method alone takes the curated features; "
        "code_level takes the codes (study.code_level) with the baseline's age and sex, both takes codes and curated features",
    )
    baseline_predictors: Distinct[str] = Field(
        default=(),
        description="predictors of the age_sex candidate; age and sex by their usual names if not set, and no such candidate if "
        "the table has neither",
    )
    logistic: LogisticSettings = LogisticSettings()
    lightgbm: LightGBMSettings = LightGBMSettings()
    calibration: Distinct[CalibrationMethod] = Field(
        default=("logistic", "beta"), min_length=1, description="calibration methods to choose from, simplest first"
    )
    cross_fit_rows: int = Field(
        default=400_000,
        ge=0,
        description="up to this many rows calibration uses out-of-fold predictions, above it held-out people",
    )
    minimum_events: int = Field(default=100, ge=1, description="outcome events in training below which training refuses")
    allow_too_few_events: bool = Field(default=False, description="train below the minimum all the same, for demonstration only")
    gp_feeds: Distinct[FeedName] = Field(
        default=GP_FEEDS,
        min_length=1,
        description="feeds that the estimator of people without GP coverage leaves out",
    )
    estimator_without_gp: bool = Field(
        default=True, description="also fit an estimator without the GP feeds, for people they do not cover"
    )


class ValidationPlan(BaseModel, extra="forbid", frozen=True):
    """How a model is evaluated on rows that did not train it."""

    kind: Literal["time", "person_folds", "column"] = Field(
        default="time", description="later index dates; folds of people where there is no usable time; a column of the user's own"
    )
    folds: int = Field(default=5, ge=2, le=20, description="folds of people, within training or over the whole table")
    places: str | None = Field(
        default=None,
        description="kind of place to hold out in turn, such as sub_icb_code or pcn_code: the chosen candidate's recipe, trained without the "
        "place and tested there; reported, decides nothing, and costs a training for each place",
    )
    most_places: int = Field(default=12, ge=2, le=200, description="places to hold out at most: the largest ones")
    rolling_origins: int = Field(
        default=0,
        ge=0,
        le=12,
        description="kind time: earlier training dates to test as well, each by the dates whose outcomes were complete before it; the test "
        "date decides as ever",
    )
    split_column: str | None = Field(
        default=None,
        description="kind column: the column of the feature table that says where a row belongs; it is no predictor",
    )
    train_values: Distinct[str] = Field(
        default=("train",),
        min_length=1,
        description="kind column: its values that train; the published model has learnt from these rows alone",
    )
    test_values: Distinct[str] = Field(
        default=("test",),
        min_length=1,
        description="kind column: its values that test. Rows of any other value, or of none, neither train nor test; they are scored",
    )

    @field_validator("train_values", "test_values", mode="before")
    @classmethod
    def _as_text(cls, values: object) -> object:
        if not isinstance(values, (list, tuple)):
            return values
        if any(isinstance(value, bool) for value in values):
            raise ValueError("write yes, no, true and false in quotes: YAML takes the bare words for something else")
        return tuple(str(value) if isinstance(value, int) else value for value in values)

    @property
    def by_date(self) -> bool:
        """Return whether later index dates test the model; else rows of the same dates do, and there is one date for all uses."""
        return self.kind == "time"

    @property
    def by_column(self) -> bool:
        """Return whether a column of the source says which rows train and which test."""
        return self.kind == "column"

    @model_validator(mode="after")
    def _column_is_named(self) -> Self:
        if self.by_column and not self.split_column:
            raise ValueError("split_column is missing: a plan of kind 'column' needs the name of the column that splits the rows")
        if not self.by_column and self.split_column:
            raise ValueError(f"split_column is for a plan of kind 'column'; kind is '{self.kind}'")
        if self.rolling_origins and not self.by_date:
            raise ValueError(f"rolling_origins needs validation by time; kind is '{self.kind}'")
        if not self.places and self.most_places != type(self).model_fields["most_places"].default:
            raise ValueError(
                f"most_places {self.most_places} needs places: without a kind of place, none is held out. Set places, or remove most_places"
            )
        both = sorted(set(self.train_values) & set(self.test_values))
        if both:
            raise ValueError(
                f"{', '.join(both)} appear in train_values and in test_values; a row either trains or tests. Remove them from one of the two"
            )
        return self


class CapacitySettings(BaseModel, extra="forbid", frozen=True):
    """How many people the services can take on."""

    shares: Distinct[float] = Field(
        default=(0.005, 0.01, 0.02, 0.05, 0.10), min_length=1, description="shares of the list that are reported"
    )
    team: str = Field(
        default="practice_code", description="column that says whose list a person is on, where every team takes on as many"
    )
    team_size: int = Field(default=20, ge=0, description="people that each team can take on, as a separate capacity; 0 for none")
    deciding_share: float = Field(default=0.05, gt=0, lt=1, description="the share at which groups are compared and gates decide")

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Self:
        if not all(0 < share < 1 for share in self.shares):
            raise ValueError(f"shares must lie between 0 and 1, not {self.shares}")
        return self


class BandSettings(BaseModel, extra="forbid", frozen=True):
    """Absolute cut points of risk, lowest first; a band holds risks at or above its cut."""

    version: str = Field(default="absolute-2026.1", description="name of the scheme, published with every score")
    names: Distinct[str] = Field(
        default=("low", "moderate", "high", "very high"), min_length=1, description="bands, lowest first"
    )
    cuts: tuple[float, ...] = Field(default=(0.05, 0.15, 0.30), description="lower ends of every band but the first")

    @model_validator(mode="after")
    def _cuts_fit_names(self) -> Self:
        if len(self.cuts) != len(self.names) - 1:
            raise ValueError(f"{len(self.names)} bands need {len(self.names) - 1} cuts, not {len(self.cuts)}")
        if list(self.cuts) != sorted(set(self.cuts)) or not all(0 < cut < 1 for cut in self.cuts):
            raise ValueError(f"cuts must rise and lie between 0 and 1, not {self.cuts}")
        return self
