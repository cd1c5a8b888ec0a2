"""Re-identification of a practice's own people among the scores, from the practice's own list of NHS numbers and the key.

Nothing converts a pseudonym to an NHS number. The practice's numbers are pseudonymised with the key. The answer has those of them
that match a person who is registered there today and may be listed. Each use is recorded before anything is shown.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from expectations.identifier_schemes import against_nhs_number, nhs_digits
from expectations.identifier_text import normal
from expectations.sql_values import quote, quote_all
from expectations.tables import core, risk
from expectations.tables.records import ACCESS
from pipelines.errors import RefusalError
from pipelines.extracts.erased_people import erased_digests
from pipelines.extracts.pseudonym_keys import check_chain, checks_in_use
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake
from pipelines.reference.stored_lines import stored_lines
from pipelines.scoring.removals import shown_people_sql

COLUMNS = ("nhs_number", "outcome", "index_date", "risk_band", "risk", "drivers")


@dataclass(frozen=True)
class Request:
    """The role of the person who asks, the practice, and the reason."""

    practice: str
    role: str
    reason: str


def read_identifiers(file: Path) -> list[str]:
    """Read NHS numbers, one on each line, without repeats; a RefusalError lists invalid lines by number and never shows their content."""
    if not file.is_file():
        raise RefusalError(f"there is no file {file}. Check --identifiers")
    lines = [
        nhs_digits(normal(line).rstrip(",; ")) for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    ]
    wrong = [number for number, line in enumerate(lines, start=1) if line and not is_nhs_number(line)]
    if wrong:
        places = ", ".join(map(str, wrong[:5]))
        raise RefusalError(
            f"{file}: {len(wrong)} lines have no valid NHS number (such as lines {places}). Write one number on each line and nothing else"
        )
    return list(dict.fromkeys(filter(None, lines)))


def is_nhs_number(digits: str) -> bool:
    """Return whether ten digits pass the modulus-11 check and are no placeholder."""
    return not against_nhs_number(digits)


def reidentify(lake: Lake, keys: Sequence[bytes], request: Request, identifiers: Sequence[str]) -> pd.DataFrame:
    """Return the current scores of a practice's people with these identifiers, and record the use.

    Numbers of people who are not registered with the practice today, or may not be listed, are not in the answer.
    """
    if not request.role.strip() or not request.reason.strip():
        raise RefusalError("re-identification needs --role and --reason, which are both recorded")
    if not checks_in_use(lake):
        raise RefusalError("no stored pseudonym was made with a key, so no person can be found with one")
    check_chain(lake, keys)
    scores = _scores_of(lake, request.practice)
    digests = erased_digests(lake)
    by_pseudonym = {pseudonym_of(identifier, keys, digests): identifier for identifier in identifiers}
    matches = scores[scores["person_id"].isin(by_pseudonym)]
    _record(lake, request, matches, len(identifiers), sorted(set(scores["run_id"])))
    drivers = _drivers(lake, matches)
    raising = [drivers.get(key, "") for key in zip(matches["run_id"], matches["person_id"], strict=True)]
    answer = matches.assign(nhs_number=matches["person_id"].map(by_pseudonym), drivers=raising)
    return answer.sort_values(["outcome", "risk", "nhs_number"], ascending=[True, False, True])[list(COLUMNS)].reset_index(
        drop=True
    )


def write_private(frame: pd.DataFrame, out: Path, home: Path) -> None:
    """Write clear identifiers to a file for this account only; a RefusalError where the file exists or is in Strata's own folder."""
    if out.resolve().is_relative_to(home.resolve()):
        raise RefusalError(f"{out} is in Strata's own folder, which must not have clear identifiers. Choose another folder")
    try:
        opened = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RefusalError(f"{out} exists already. Choose another name, or delete the file") from None
    except OSError as error:
        raise RefusalError(f"{out} cannot be written ({error.strerror}). Choose another folder") from None
    with os.fdopen(opened, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(frame.itertuples(index=False))


def _scores_of(lake: Lake, practice: str) -> pd.DataFrame:
    """Return the current scores of the people who are registered with a practice today and may be listed."""
    if not lake.exists(risk.CURRENT.name):
        raise RefusalError("no run is published, so there are no scores yet. Run the pipeline first")
    lines = stored_lines(lake)
    registered = (
        f"SELECT person_id FROM {lake.scan(core.REGISTRATION.name)} JOIN {lake.scan(core.PERSON.name)} USING (person_key) "
        f"WHERE practice_code = {quote(lines.first_code(practice))} AND end_date IS NULL"
    )
    current = _current_runs(lake)
    codes = quote_all([practice, *lines.other_codes(practice)])
    here = f"practice_code IN ({codes}) AND eligible AND run_id IN ({quote_all(current)}) AND {shown_people_sql(lake)}"
    columns = "run_id, outcome, index_date, person_id, index_event_id, risk, risk_band"
    rows = lake.read(risk.CURRENT.name, columns, f"{here} AND person_id IN ({registered})", "outcome, person_id").to_pandas()
    if rows.empty:
        raise RefusalError(
            f"the current run has no person of the practice '{practice}' who may be listed. Check the code of the practice"
        )
    return rows


def _current_runs(lake: Lake) -> list[str]:
    """Return the current run of each outcome."""
    outcomes = lake.read(risk.CURRENT.name, "DISTINCT outcome", order="outcome")["outcome"].to_pylist()
    return [str(runs[-1]["run_id"]) for outcome in outcomes if (runs := published_runs(lake, outcome))]


def _drivers(lake: Lake, matches: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return what raises each person's risk, strongest first."""
    drivers: dict[tuple[str, str], list[str]] = {}
    for run_id, of_run in matches.groupby("run_id", sort=True):
        rows = lake.read(
            risk.DRIVERS.name, "person_id, driver", "direction = 'raises'", "person_id, driver_rank", {"run_id": str(run_id)}
        ).to_pylist()
        people = set(of_run["person_id"])
        for row in rows:
            if row["person_id"] in people:
                drivers.setdefault((str(run_id), row["person_id"]), []).append(row["driver"])
    return {person: "; ".join(names) for person, names in drivers.items()}


def _record(lake: Lake, request: Request, matches: pd.DataFrame, identifiers: int, runs: Sequence[str]) -> None:
    row = {
        "recorded_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "role": request.role.strip(),
        "reason": request.reason.strip(),
        "practice_code": request.practice,
        "run_ids": ",".join(runs),
        "identifiers_given": identifiers,
        "people_matched": matches["person_id"].nunique(),
    }
    lake.append(ACCESS, [row])
