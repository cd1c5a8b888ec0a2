"""Experiments and models in MLflow. Only this file and `served_model.py` use MLflow."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

import mlflow
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature, infer_signature
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, Schema, TensorSpec
from sqlalchemy import Connection, String, create_engine, inspect, text

from pipelines.lake.file_modes import take_from_others
from pipelines.tracking.tracked_record import CHALLENGER, CHAMPION, PREVIOUS, ModelFiles, Record

logging.getLogger("mlflow").setLevel(logging.WARNING)  # the user does not need the messages about its database
ROOT = Path(__file__).parents[2]
SERVED_MODEL = Path(__file__).with_name("served_model.py")
# The code that a served model imports. It is stored with the model, which can then be loaded without Strata.
SERVED_CODE = ("models", "expectations")
OPTIONAL_COLUMNS = ("gp_covered",)  # of a model's input; without this column every row counts as covered
MODEL_DESCRIPTION = (
    "The study's candidates that passed their gates. The scores of the version with the alias `champion` are published. `previous` was the "
    "champion before it. `challenger` is the best other candidate of the last training; its scores are stored and never published."
)
NO_SUCH_MODEL = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
DEFAULT_EXPERIMENT = "0"  # MLflow makes it in every new store, with its artifacts in the working directory
# Tags and addresses that MLflow's pages use. If a later version does not know them, the pages show their defaults.
DESCRIPTION = "mlflow.note.content"
SAVED_VIEW = "mlflow.sharedViewState."
PARENT = "mlflow.parentRunId"
STATUS = "strata.status"  # of a candidate: candidate, eligible or champion
VIEW = "candidates"
CLASSIC = "workflowType=machine_learning"  # not the pages for generative models
PACKAGES_OF_A_MODEL = ("mlflow", "numpy", "pandas", "scipy", "scikit-learn", "lightgbm", "pydantic")


class Tracker:
    """The MLflow store of one home: a SQLite file and a folder of artifacts."""

    def __init__(self, home: Path) -> None:
        home = home.resolve()
        self.artifacts = home / "mlartifacts"
        self.artifacts.mkdir(parents=True, exist_ok=True)
        database = home / "mlflow.db"
        if not database.exists():
            _make_store(database)
        self.uri = f"sqlite:///{database}"
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        self.client = MlflowClient(self.uri, self.uri)

    def describe(self, experiment: str, description: str, view: str) -> None:
        """Set the description of an experiment, in Markdown, and a saved view of its page of runs."""
        for tag, value in ((DESCRIPTION, description), (f"{SAVED_VIEW}{VIEW}", view)):
            self.client.set_experiment_tag(self._experiment(experiment), tag, value)

    def page(self, experiment: str) -> str:
        """Return the address of an experiment's saved view, relative to MLflow's address, or of all experiments without one."""
        found = self.client.get_experiment_by_name(experiment)
        if found is None:
            return f"#/experiments?{CLASSIC}"
        return f"#/experiments/{found.experiment_id}/runs?viewStateShareKey={VIEW}&{CLASSIC}"

    def open_run(self, experiment: str, record: Record, parent: str | None = None) -> str:
        """Log a record as a run and return the run's id."""
        with mlflow.start_run(
            experiment_id=self._experiment(experiment),
            run_name=record.name,
            tags=dict(record.tags),
            description=record.description or None,
            parent_run_id=parent,
            nested=parent is not None,
        ) as run:
            mlflow.log_params({key: str(value)[:500] for key, value in record.params.items()})
            mlflow.log_metrics({key: float(value) for key, value in record.metrics.items() if value == value})
            for name, figure in record.figures.items():
                mlflow.log_figure(figure, f"plots/{name}.png")
            for name, table in record.tables.items():
                mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
            for name, content in record.texts.items():
                mlflow.log_text(content, name)
        return str(run.info.run_id)

    def log_inputs(self, run_id: str, experiment: str, sources: Mapping[str, tuple[str, int]]) -> None:
        """Record the stored tables that a run read: name to location and Delta version."""
        with mlflow.start_run(run_id=run_id, experiment_id=self._experiment(experiment)):
            for name, (location, version) in sources.items():
                source = DeltaDatasetSource(path=location, delta_table_version=version)
                dataset = MetaDataset(source, name=name, digest=f"v{version}")  # type: ignore[abstract] # not abstract at run time
                mlflow.log_input(dataset, context="training")

    def register(self, run_id: str, name: str, model: ModelFiles, tags: Mapping[str, str], description: str) -> str:
        """Store a model without pickle, register it under a study's name and return its version."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "risk_model"
            folder.mkdir()
            for file, content in model.files.items():
                (folder / file).write_bytes(content)
            with mlflow.start_run(run_id=run_id, experiment_id=self._experiment(name)):
                info = mlflow.pyfunc.log_model(
                    name=model.name,
                    python_model=str(SERVED_MODEL),
                    artifacts={"risk_model": str(folder)},
                    code_paths=_served_code(Path(scratch)),
                    signature=_signature(model),
                    input_example=model.example_input,
                    pip_requirements=[f"{package}=={importlib.metadata.version(package)}" for package in PACKAGES_OF_A_MODEL],
                )
        # MLflow copies code with the file modes of its source.
        take_from_others(*(self.artifacts / "models" / str(info.model_id)).rglob("*"))
        self._registered_model(name)
        version = self.client.create_model_version(
            name, source=info.model_uri, run_id=run_id, tags=dict(tags), description=description, model_id=info.model_id
        )
        return str(version.version)

    def promote(self, name: str, version: str) -> None:
        """Make a version the champion and the last champion `previous`, unless both are the same model registered twice."""
        current = self.champion_version(name)
        if current and current != version and not self._same_model(name, current, version):
            self.client.set_registered_model_alias(name, PREVIOUS, current)
        self.client.set_registered_model_alias(name, CHAMPION, version)

    def record_status(self, run_id: str, status: str) -> None:
        """Record a candidate's status in the tags and description of its run, and in the tags of its training's run."""
        run = self.client.get_run(run_id)
        before = run.data.tags.get(STATUS, "")
        description = run.data.tags.get(DESCRIPTION, "")
        if before and description.startswith(before.capitalize()):
            description = status.capitalize() + description.removeprefix(before.capitalize())
            self.client.set_tag(run_id, DESCRIPTION, description)
        for place in (run_id, run.data.tags.get(PARENT)):
            if place:
                self.client.set_tag(place, STATUS, status)

    def record_waiver(self, run_id: str, gate: str, text: str) -> None:
        """Record a waiver of a gate in the tags of a candidate's run."""
        self.client.set_tag(run_id, f"strata.waiver.{gate}", text[:5000])

    def challenge(self, name: str, version: str | None) -> None:
        """Make a version the challenger, or remove the challenger if the version is None."""
        if version is not None:
            self.client.set_registered_model_alias(name, CHALLENGER, version)
        elif self.version_of(name, CHALLENGER):
            self.client.delete_registered_model_alias(name, CHALLENGER)

    def champion_version(self, name: str) -> str | None:
        """Return the champion's version, or None if there is none; raise MLflow's error if the store cannot be read."""
        return self.version_of(name, CHAMPION)

    def version_of(self, name: str, alias: str) -> str | None:
        """Return the version with an alias, or None; raise MLflow's error if the store cannot be read."""
        try:
            aliases = self.client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code != NO_SUCH_MODEL:
                raise
            return None
        return str(aliases[alias]) if alias in aliases else None

    def files_of(self, name: str, version: str) -> dict[str, bytes]:
        """Read the files of a version."""
        return _model_files(f"models:/{name}/{version}")

    def run_tags(self, run_id: str) -> dict[str, str]:
        """Return the tags of a run."""
        return dict(self.client.get_run(run_id).data.tags)

    def version_tags(self, name: str, version: str) -> dict[str, str]:
        """Return a version's tags, and the id of its run under `run_id`."""
        model_version = self.client.get_model_version(name, version)
        return {**model_version.tags, "run_id": str(model_version.run_id)}

    def correct_addresses(self) -> int:
        """Correct the addresses of artifacts in a home that was moved or copied, and return how many were corrected."""
        database = create_engine(self.uri)
        here = self.artifacts.parent
        with database.begin() as connection:
            recorded = connection.execute(text("SELECT artifact_location FROM experiments")).scalars()
            homes = {
                Path(unquote(urlsplit(place).path)).parent for place in recorded if place.endswith(f"/{self.artifacts.name}")
            }
            return sum(_replace_everywhere(connection, moved, here) for moved in sorted(homes - {here}))

    def _same_model(self, name: str, one: str, other: str) -> bool:
        digests = [self.client.get_model_version(name, version).tags.get("digest") for version in (one, other)]
        return digests[0] is not None and digests[0] == digests[1]

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        return str(found.experiment_id) if found else str(self.client.create_experiment(name, self.artifacts.as_uri()))

    def _registered_model(self, name: str) -> None:
        try:
            self.client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != NO_SUCH_MODEL:
                raise
            self.client.create_registered_model(name, description=MODEL_DESCRIPTION)


def _replace_everywhere(connection: Connection, before: Path, after: Path) -> int:
    """Replace a folder in every text column of a database, as a path and as an address, and return how many values changed."""
    changed = 0
    for table in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(table):
            if not isinstance(column["type"], String):
                continue
            name = column["name"]
            for old, new in {str(before): str(after), before.as_uri(): after.as_uri()}.items():
                found = connection.execute(
                    text(f'UPDATE "{table}" SET "{name}" = replace("{name}", :old, :new) WHERE instr("{name}", :old) > 0'),
                    {"old": f"{old}/", "new": f"{new}/"},
                )
                changed += found.rowcount
    return changed


def _make_store(database: Path) -> None:
    """Create MLflow's database under another name and rename it; an incomplete one of a killed process could not be opened."""
    draft = database.with_name("mlflow-draft.db")
    for incomplete in draft.parent.glob(f"{draft.name}*"):
        incomplete.unlink()
    client = MlflowClient(f"sqlite:///{draft}", f"sqlite:///{draft}")
    client.search_registered_models(max_results=1)
    client.delete_experiment(DEFAULT_EXPERIMENT)
    draft.replace(database)


def _model_files(uri: str) -> dict[str, bytes]:
    local = Path(mlflow.artifacts.download_artifacts(uri))
    return {path.name: path.read_bytes() for path in sorted((local / "artifacts" / "risk_model").iterdir())}


def _served_code(scratch: Path) -> list[str]:
    """Copy the code that a served model imports, and return the paths of its packages."""
    for name in SERVED_CODE:
        source, target = ROOT / name, scratch / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return [str(package) for package in sorted((scratch / "code").iterdir())]


def _signature(model: ModelFiles) -> ModelSignature:
    """Return the signature of a model; a column is required even if the example has a missing value in it."""
    inferred = infer_signature(model.example_input, model.example_output)
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(column.type, column.name, column.name not in OPTIONAL_COLUMNS) for column in inferred.inputs
    ]
    return ModelSignature(Schema(columns), inferred.outputs)
