"""Extracts full of recognisable identifiers pass every stage, with errors at each: no identifier appears anywhere else."""

import hashlib
import hmac
import logging
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from canary.identifiers import (
    FEEDS,
    HASHED_BY_SENDER,
    LETTER,
    SECRETS,
    STRAY,
    SURNAME,
    Planted,
    file_of,
    make_clear,
    person_header,
)
from canary.search import Search

from expectations.sql_values import quote
from pipelines.errors import StrataError
from pipelines.lake.storage import Lake
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming, landing, modelling, monitoring

pytestmark = pytest.mark.slow

KEY = "canary-key-of-more-than-thirty-two-bytes"
ENVIRONMENT = {
    "STRATA_PSEUDONYM_KEY": KEY,
    "STRATA_TEAMS_WEBHOOK": f"http://127.0.0.1:9/{SECRETS[0]}",  # no server listens on port 9
    "STRATA_POSTGRES_DSN": f"postgresql://strata:{SECRETS[1]}@127.0.0.1:9/board",
}
# The step of a stage that is made to fail, and by which command. Earlier stages keep their results, and the next command continues.
CRASHES = (
    ("run", landing, "validate_feed"),
    ("run", conforming.core_tables, "conform_people"),
    ("run", building.features_stage, "build_features"),
    ("run", modelling.score_stage, "score_rows"),
    ("score", monitoring.score_lists, "write_scores"),
)


@dataclass(frozen=True)
class Board:
    """An ICB whose extracts had clear identifiers, after every kind of failure."""

    config: Path
    home: Path
    scratch: Path
    planted: Planted
    codes: list[int]
    words: str
    logged: str


def settings(board: str) -> dict[str, Any]:
    """Return the settings of the small ICB with clear extracts, and with a database and a webhook that do not answer."""
    settings = yaml.safe_load(board)
    settings["source"] = {"kind": "nhs", "nhs": {"feeds": {feed: {"pseudonymised": feed == HASHED_BY_SENDER} for feed in FEEDS}}}
    settings["publish"] = {"postgres": {"connect_timeout_s": 1}}
    settings["study"]["caseloads"] = {"write_pages": True}
    webhook = {"name": "team", "shape": "teams", "url_variable": "STRATA_TEAMS_WEBHOOK", "timeout_s": 1}
    settings["alerts"] = {"webhooks": [webhook], "rules": {"approval_ends_days": 40_000}}
    return dict(settings)


def pseudonym(number: str) -> str:
    return hmac.new(KEY.encode(), number.encode(), hashlib.sha256).hexdigest()[:32] if number else ""


@pytest.fixture(scope="module")
def board(strata: Callable[..., int], small_board: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("canary")
    config, home, scratch = folder / "canary.yaml", folder / "home", folder / "scratch"
    scratch.mkdir()
    config.write_text(yaml.safe_dump(settings(small_board)))
    write_board(SyntheticSettings(people=900, start_date="2022-01-01", defects={"enabled": False}), home / "landing")
    planted = make_clear(home / "landing", pseudonym)
    streams = Streams(folder)
    codes: list[int] = []
    with pytest.MonkeyPatch.context() as patch, streams:
        patch.setattr(tempfile, "tempdir", str(scratch))
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        spoils = (cut_short, without_sex, without_agreed_form)
        codes += [with_spoilt_file(home / "landing", spoil, lambda: strata(home, "run", str(config))) for spoil in spoils]
        for number, (command, module, name) in enumerate(CRASHES):
            with pytest.MonkeyPatch.context() as broken:
                broken.setattr(module, name, FAULTS[number % len(FAULTS)](home / "landing"))
                codes.append(strata(home, command, str(config)))
        codes.append(strata(home, "score", str(config)))  # now only the database and the webhook fail
        codes.append(ask_for_a_practice(folder, lambda *options: strata(home, "reidentify", str(config), *options), planted))
    yield Board(config, home, scratch, planted, codes, streams.words, streams.logged)


class Streams:
    """Everything that the process prints or logs during the block."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "words.txt"

    def __enter__(self) -> "Streams":
        self.log = logging.FileHandler(self.file.with_name("logged.txt"))
        logging.getLogger().addHandler(self.log)
        self.patch = pytest.MonkeyPatch()
        self.stream = self.file.open("w")
        self.patch.setattr("sys.stdout", self.stream)
        self.patch.setattr("sys.stderr", self.stream)
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
        self.stream.close()
        logging.getLogger().removeHandler(self.log)
        self.log.close()
        self.words, self.logged = self.file.read_text(), self.file.with_name("logged.txt").read_text()


def ask_for_a_practice(folder: Path, command: Callable[..., int], planted: Planted) -> int:
    """Re-identify the people of the first practice from everyone's numbers."""
    (folder / "numbers.txt").write_text("\n".join(planted.numbers.values()))
    practice = Lake(folder / "home" / "lake").read("risk__current", "min(practice_code) AS code")["code"][0].as_py()
    options = {
        "practice": practice,
        "identifiers": folder / "numbers.txt",
        "out": folder / "answer.csv",
        "role": "GP",
        "reason": "Medication review",
    }
    return command(*(str(part) for name, value in options.items() for part in (f"--{name}", value)))


# --- failures --------------------------------------------------------------------------------------------------


def with_spoilt_file(landing: Path, spoil: Callable[[Path], None], work: Callable[[], int]) -> int:
    """Run a command with one damaged file, and restore the file."""
    kept = landing.with_name("kept")
    shutil.copytree(landing, kept)
    spoil(landing)
    code = work()
    shutil.rmtree(landing)
    kept.rename(landing)
    return code


def cut_short(landing: Path) -> None:
    """Write lines whose fields do not fit the header, so that most of the file cannot be read."""
    file = file_of(landing, "patients")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], *(line.rstrip() + f',"{SURNAME}\n' for line in lines[1:])]))


def without_agreed_form(landing: Path) -> None:
    """Write clear numbers instead of the agreed pseudonyms, and a file without its header."""
    clear = pd.read_csv(file_of(landing, HASHED_BY_SENDER), dtype=str, keep_default_na=False)
    clear[person_header(HASHED_BY_SENDER)] = clear["LETTER"].str[-12:]
    clear.to_csv(file_of(landing, HASHED_BY_SENDER), index=False)
    headless = file_of(landing, "admissions")
    headless.write_text("".join(headless.read_text().splitlines(keepends=True)[1:]))


def without_sex(landing: Path) -> None:
    """Break a table rule: no one has a readable sex or year of birth."""
    file = file_of(landing, "patients")
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame["SEX"], frame["BIRTH_YEAR"] = f"{STRAY} Clara", f"about Mrs {STRAY}"
    frame.to_csv(file, index=False)


def of_the_engine(landing: Path) -> Callable[..., Any]:
    """Fail as DuckDB does, with a message that repeats the value."""

    def fault(*_: object, **__: object) -> None:
        header = person_header("patients")
        duckdb.sql(
            f'SELECT CAST("{header}" AS DATE) FROM read_csv({quote(file_of(landing, "patients"))}, all_varchar=true)'
        ).fetchall()

    return fault


def of_pandas(landing: Path) -> Callable[..., Any]:
    """Fail as pandas does, caused by an error that names a person."""

    def fault(*_: object, **__: object) -> None:
        names = pd.read_csv(file_of(landing, "patients"), dtype=str)["PATIENT_NAME"]
        try:
            names.astype(float)
        except ValueError as error:
            raise KeyError(names[0]) from error

    return fault


def of_strata(landing: Path) -> Callable[..., Any]:
    """Fail with a message for the user, caused by an error that names a person."""

    def fault(*_: object, **__: object) -> None:
        letter = pd.read_csv(file_of(landing, "patients"), dtype=str)["LETTER"][0]
        try:
            float(letter)
        except ValueError as error:
            raise StrataError("this cannot be done") from error

    return fault


FAULTS = (of_the_engine, of_pandas, of_strata)

# --- checks ---------------------------------------------------------------------------------------------------


def test_every_planned_failure_happened_and_the_scores_exist(board: Board) -> None:
    assert board.codes == [1] * 9 + [0]  # the last is the practice's re-identification
    assert board.words.count("this cannot be done") == 1
    assert "not all of them in PostgreSQL" in board.words
    lake = Lake(board.home / "lake")
    assert lake.rows("risk__current") > 500
    problems = lake.read("monitoring__alerts", "message_problem")["message_problem"].to_pylist()
    assert any("cannot be reached" in problem for problem in problems)
    assert (board.home / "reports" / "last_error.log").is_file()


def test_no_identifier_is_found_outside_the_landing_folder(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    search = Search(frozenset(number.encode() for number in board.planted.numbers.values()))
    search.folder(board.home, [board.home / "landing"])
    search.folder(board.scratch)
    for place, words in (("stdout and stderr", board.words), ("log records", board.logged)):
        search.places["streams"] += 1
        search.text(place, words.encode())
    # Validation finds text in a column of codes or numbers. The raw table keeps it, because it has the rows as sent.
    leaks = [(place, hit) for place, hit in search.found if not (place.startswith("lake/raw__") and hit == STRAY.lower())]
    with capsys.disabled():
        looked = ", ".join(f"{count} {kind}" for kind, count in sorted(search.places.items()))
        print(f"\ncanary: {board.planted.count:,} identifiers planted, looked at {looked}; leaks {len(leaks)}")
    assert leaks == []


def test_the_search_finds_identifiers_that_are_present(board: Board, tmp_path: Path) -> None:
    numbers = frozenset(number.encode() for number in board.planted.numbers.values())
    search = Search(numbers)
    search.folder(board.home / "landing")
    hits = {hit for _, hit in search.found}
    assert len(numbers & {hit.replace(" ", "").encode() for hit in hits}) == len(numbers)
    assert {word.lower() for word in (SURNAME, STRAY, LETTER)} <= hits
    number = min(board.planted.numbers.values())
    pd.DataFrame({"a": [int(number)], "b": ["qz971aa"]}).to_parquet(tmp_path / "hidden.parquet")
    search = Search(numbers)
    search.folder(tmp_path)
    assert {hit for _, hit in search.found} == {number, "qz971aa"}


def test_a_practice_found_only_its_own_people(board: Board) -> None:
    lake = Lake(board.home / "lake")
    (use,) = lake.read("monitoring__access").to_pylist()
    here = f"practice_code = '{use['practice_code']}' AND eligible"
    people = set(lake.read("risk__current", "person_id", here)["person_id"].to_pylist())
    answered = pd.read_csv(board.home.parent / "answer.csv", dtype=str)["nhs_number"]
    assert 10 < len(answered) == use["people_matched"] <= len(people) < use["identifiers_given"] == len(board.planted.numbers)
    assert {pseudonym(number) for number in answered} <= people


def test_only_one_account_can_read_the_written_files(board: Board) -> None:
    landing = board.home / "landing"
    written = [
        path for path in (board.home, *board.home.rglob("*")) if not path.is_relative_to(landing) and not path.is_symlink()
    ]
    modes = Counter((path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in written)
    assert set(modes) <= {(True, 0o700), (False, 0o600)}, modes
    assert len(written) > 500
