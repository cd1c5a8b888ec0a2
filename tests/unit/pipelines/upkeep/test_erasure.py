from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables import core, risk
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_gp import OPT_OUTS
from pipelines.errors import RefusalError
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.decision_record import WITHDRAWAL, Decision, all_decisions, record
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.upkeep.erasure import erase_person

HEADER = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
PERSON = "person-to-forget"


@pytest.fixture
def home(tmp_path: Path, published: Callable[..., str]) -> Path:
    """Return a home that names a person in a raw table, by number in core__spell, in scores, drivers and a report."""
    lake = Lake(tmp_path / "lake")
    land(tmp_path, "2026-01-01", f" {PERSON},TYPE_1,1,2020-01-01\np2,TYPE_1,1,2020-01-01\n")
    take(tmp_path)
    people = [{"person_key": 0, "person_id": PERSON}, {"person_key": 1, "person_id": "p2"}]
    lake.write(core.PERSON, [blank(core.PERSON) | person for person in people])
    spells = [{"person_key": key, "spell_key": key} for key in (1, 0, 1)]
    lake.write(core.SPELL, [blank(core.SPELL) | spell for spell in spells])
    published(lake, date(2026, 1, 1), (PERSON, "p2"))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "caseload.html").write_text(f"<td>{PERSON}</td>")
    (tmp_path / "reports" / "other.html").write_text("<td>p2</td>")
    return tmp_path


def blank(table: Table) -> dict[str, object]:
    return dict.fromkeys(column.name for column in table.columns)


def land(home: Path, day: str, rows: str) -> None:
    file = home / "landing" / "opt_outs" / f"opt_outs_{day}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER + rows)


def take(home: Path) -> int:
    with connect() as con:
        return ingest_feed(Lake(home / "lake"), con, OPT_OUTS, NhsSettings(), home / "landing").rows


def everywhere(home: Path) -> list[str]:
    """List the files below lake and reports that hold the pseudonym, unpacked."""
    parquet = [
        path for path in (home / "lake").rglob("*.parquet") if PERSON in str(pa.parquet.read_table(path, partitioning=None))
    ]
    return [str(path) for path in (*parquet, *(home / "reports").iterdir()) if path in parquet or PERSON in path.read_text()]


def test_a_person_is_gone_from_every_table_its_old_versions_and_the_reports(home: Path) -> None:
    assert everywhere(home)
    removed = erase_person(Lake(home / "lake"), home / "reports", PERSON, "article 17")
    assert removed == {
        core.PERSON.name: 1, core.SPELL.name: 1, "raw__opt_outs": 1, risk.SCORES.name: 1, risk.DRIVERS.name: 1, "reports": 1,
    }  # fmt: skip
    assert everywhere(home) == []
    lake = Lake(home / "lake")
    assert lake.read(core.SPELL.name, "person_key")["person_key"].to_pylist() == [1, 1]
    assert lake.read("raw__opt_outs", "person_id")["person_id"].to_pylist() == ["p2"]
    assert PERSON not in str(lake.read("raw__erasures").to_pylist())


def test_a_later_delivery_is_read_without_the_person_and_the_row_is_counted(home: Path) -> None:
    lake = Lake(home / "lake")
    erase_person(lake, home / "reports", PERSON, "article 17")
    land(home, "2026-02-01", f"p3,TYPE_1,1,2020-01-01\n{PERSON},TYPE_1,0,2020-01-01\n")
    assert take(home) == 1
    assert everywhere(home) == []
    last = lake.read("raw__extracts", "rows, rows_unreadable", order="sequence DESC").to_pylist()[0]
    assert last == {"rows": 1, "rows_unreadable": 1}
    assert lake.read(QUARANTINE.name, "row_number, reason").to_pylist() == [{"row_number": 2, "reason": "erased_person"}]


def test_erasing_again_completes_and_finds_nothing(home: Path) -> None:
    lake = Lake(home / "lake")
    erase_person(lake, home / "reports", PERSON, "article 17")
    assert erase_person(lake, home / "reports", PERSON, "article 17") == {}
    assert lake.rows("raw__erasures") == 1


@pytest.mark.parametrize(
    ("person", "reason", "words"), [("unknown", "article 17", "no table has"), (PERSON, " ", "needs a reason")]
)
def test_an_erasure_that_cannot_be_says_why_and_changes_nothing(home: Path, person: str, reason: str, words: str) -> None:
    lake = Lake(home / "lake")
    with pytest.raises(RefusalError, match=words) as refusal:
        erase_person(lake, home / "reports", person, reason)
    assert PERSON not in str(refusal.value)
    assert not lake.exists("raw__erasures")


def test_a_table_that_names_people_otherwise_is_searched_by_its_declared_column(home: Path) -> None:
    lake = Lake(home / "lake")
    rows = pa.table({"cohort_definition_id": ["1", "1"], "subject_id": [PERSON, "p2"]})
    lake.commit("raw__omop_cohort", [lake.write_arrow("raw__omop_cohort", rows)], rows.schema)
    assert erase_person(lake, home / "reports", PERSON, "article 17")["raw__omop_cohort"] == 1
    assert everywhere(home) == []


def test_an_erasure_leaves_the_record_of_decisions_alone(home: Path) -> None:
    lake = Lake(home / "lake")
    record(lake, Decision(WITHDRAWAL, "20260101abcd", "Board", "wrong index date", date(2026, 1, 2)))
    before = all_decisions(lake)
    removed = erase_person(lake, home / "reports", PERSON, "asked for it")
    assert "monitoring__decision" not in removed
    assert all_decisions(Lake(home / "lake")) == before
