"""What bears on a stage and is neither a stored table nor a setting: a closed list, each with its value and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.analytes import ANALYTES
from features.code_lists import CodeList, load_code_lists
from features.diagnosis_rules import AMBULATORY_CARE_SENSITIVE, lists_of
from pipelines.errors import StrataError
from pipelines.extracts.pseudonym_keys import key_check
from pipelines.extracts.pseudonyms import read_keys
from pipelines.lake.code_version import digest_of
from pipelines.postgres.settings import connection_string
from pipelines.reference.files import Reference, with_landing_reference
from pipelines.run.deployment import Deployment
from pipelines.stages import run_plan
from pipelines.stages.delivery_dates import today_in_london
from pipelines.tracking.tracked_record import CHALLENGER, CHAMPION
from pipelines.training.incumbent import incumbent_version
from pipelines.training.record import latest_training

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

_EVENT_LISTS = (*ANALYTES, *lists_of(AMBULATORY_CARE_SENSITIVE))


class OutsideInput(StrEnum):
    """Everything outside the lake and the settings that a stage may read. The value is how a person calls it."""

    LANDED_EXTRACTS = "the extracts that have landed"
    DATA_CUT = "the data cut"
    FEED_CUTS = "the latest delivery of each feed"
    LATE_FEEDS = "the feeds that are late"
    REFERENCE_FILES = "the reference files"
    CODE_LISTS = "the team's code lists"
    EVENT_CODES = "the team's code lists of measurements and stays"
    PSEUDONYM_KEYS = "the pseudonym keys"
    INCUMBENT = "the model in use when a training begins"
    CHAMPION = "the champion"
    CHALLENGER = "the challenger"
    TODAY = "today's date"
    TARGET_DATABASE = "the state of the target database"


class UndeclaredInputError(Exception):
    """A stage asked for an outside input that it does not declare: a bug in its declaration."""


@dataclass(frozen=True)
class Outside:
    """The outside inputs that a stage declares; asking for another one raises UndeclaredInputError."""

    declared: frozenset[OutsideInput]
    _deployment: Callable[[], Deployment]
    _used: set[OutsideInput]

    @property
    def data_cut(self) -> date:
        return run_plan.data_cut(self._of(OutsideInput.DATA_CUT))

    @property
    def feed_cuts(self) -> Mapping[str, date]:
        return run_plan.feed_cuts(self._of(OutsideInput.FEED_CUTS))

    @property
    def late_feeds(self) -> Mapping[str, date]:
        return run_plan.late_feeds_of(self._of(OutsideInput.LATE_FEEDS))

    @property
    def days_behind(self) -> Mapping[str, int]:
        """Return by how many days each late feed is behind."""
        return run_plan.days_behind_of(self._of(OutsideInput.LATE_FEEDS))

    @property
    def reference(self) -> Reference:
        """Return the reference files, with those that landed next to the extracts."""
        deployment = self._of(OutsideInput.REFERENCE_FILES)
        files = with_landing_reference(deployment.settings.reference, deployment.landing / "reference")
        return _reference(deployment)(files)

    @property
    def reference_of_the_settings(self) -> Reference:
        """Return the reference files that the settings name, without those that landed."""
        deployment = self._of(OutsideInput.REFERENCE_FILES)
        return _reference(deployment)(deployment.settings.reference)

    @property
    def code_lists(self) -> Path | None:
        return run_plan.code_lists(self._of(OutsideInput.CODE_LISTS))

    @property
    def event_code_lists(self) -> Mapping[str, CodeList]:
        """Return the code lists that events are made with: those of measurements and of stays."""
        lists = load_code_lists(run_plan.code_lists(self._of(OutsideInput.EVENT_CODES)))
        return {name: lists[name] for name in _EVENT_LISTS}

    @property
    def today(self) -> date:
        self._of(OutsideInput.TODAY)
        return today_in_london()

    @property
    def database(self) -> str | None:
        """Return the connection string of the target database, None without one."""
        postgres = self._of(OutsideInput.TARGET_DATABASE).settings.publish.postgres
        return connection_string(postgres) if postgres else None

    def registry(self, which: OutsideInput) -> Tracker:
        """Return the tracker, in which the registered models are, for reading one alias."""
        return self._of(which).tracker

    def _of(self, which: OutsideInput) -> Deployment:
        if which not in self.declared:
            raise UndeclaredInputError(f"the stage reads {which}, which it does not declare")
        self._used.add(which)
        return self._deployment()


def outside_digest(deployment: Deployment, inputs: Iterable[OutsideInput], feed: str = "") -> dict[str, object]:
    """Return the digest of each of some outside inputs of a study. Of the landed extracts, those of one feed count if it is named."""
    return {which.name: _DIGESTS[which](deployment, feed) for which in sorted(inputs)}


def _reference(deployment: Deployment) -> Callable[..., Reference]:
    return partial(Reference, folder=deployment.folder, cache=deployment.landing / "fetched")


def _reference_digest(deployment: Deployment) -> object:
    """Return a digest of the reference settings and of every file's content; a file that cannot be read has none."""
    settings = with_landing_reference(deployment.settings.reference, deployment.landing / "reference")
    reference = _reference(deployment)(settings)
    dumped = settings.model_dump(mode="json")

    def content(source: str) -> str:
        try:
            file = reference.path(source)
            state = file.stat()
            return _content_of(file, state.st_size, state.st_mtime_ns)
        except (StrataError, OSError):
            return "cannot be read"

    return digest_of({name: _with_content(value, content) for name, value in dumped.items()})


def _event_codes(deployment: Deployment) -> dict[str, str] | None:
    """Return the versions of the code lists of measurements and stays, so that another list makes no event again."""
    versions = run_plan.code_list_versions(deployment)
    return versions and {name: versions[name] for name in _EVENT_LISTS}


def _with_content(value: Any, content: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return content(value)
    return [{**item, "file": content(item["file"])} for item in value] if isinstance(value, list) else value


@cache
def _content_of(file: Path, size: int, modified: int) -> str:
    """Return a digest of a file's content, read once for each state of the file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


def _pseudonym_keys(deployment: Deployment) -> object:
    """Return the checks of the keys, by which they are recognised; None where no feed comes with clear identifiers."""
    source = run_plan.source(deployment)
    keys = source.source.pseudonyms
    if keys is None or all(feed.pseudonymised for feed in source.reading.feeds.values()):
        return None
    try:
        return [key_check(key) for key in read_keys(keys, deployment.folder)]
    except StrataError:
        return "cannot be read"


def _incumbent(deployment: Deployment) -> str | None:
    """Return the version of the model in use that the latest training met: never one that this very training made."""
    study = deployment.settings.study
    return incumbent_version(deployment.tracker, study.name, latest_training(deployment.lake, study.outcome.name))


def _version(deployment: Deployment, alias: str) -> str | None:
    return deployment.tracker.version_of(deployment.settings.study.name, alias)


def _database(deployment: Deployment) -> object:
    """Return what the target database holds; a database that does not answer is in no known state."""
    from pipelines.postgres.follow import state

    postgres = deployment.settings.publish.postgres
    return state(connection_string(postgres)) if postgres else None


_DIGESTS: dict[OutsideInput, Callable[[Deployment, str], object]] = {
    OutsideInput.LANDED_EXTRACTS: run_plan.landed_files_digest,
    OutsideInput.DATA_CUT: lambda deployment, _: str(run_plan.data_cut(deployment)),
    OutsideInput.FEED_CUTS: lambda deployment, _: {feed: str(day) for feed, day in run_plan.feed_cuts(deployment).items()},
    OutsideInput.LATE_FEEDS: lambda deployment, _: {feed: str(day) for feed, day in run_plan.late_feeds_of(deployment).items()},
    OutsideInput.REFERENCE_FILES: lambda deployment, _: _reference_digest(deployment),
    OutsideInput.CODE_LISTS: lambda deployment, _: run_plan.code_list_versions(deployment),
    OutsideInput.EVENT_CODES: lambda deployment, _: _event_codes(deployment),
    OutsideInput.PSEUDONYM_KEYS: lambda deployment, _: _pseudonym_keys(deployment),
    OutsideInput.INCUMBENT: lambda deployment, _: _incumbent(deployment),
    OutsideInput.CHAMPION: lambda deployment, _: _version(deployment, CHAMPION),
    OutsideInput.CHALLENGER: lambda deployment, _: _version(deployment, CHALLENGER),
    OutsideInput.TODAY: lambda *_: str(today_in_london()),
    OutsideInput.TARGET_DATABASE: lambda deployment, _: _database(deployment),
}
