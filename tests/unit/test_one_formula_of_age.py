"""No module computes an age by itself: lengths of years and differences of births and days are in `expectations/age.py` alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
HOME = ROOT / "expectations" / "age.py"
LENGTH_OF_YEAR = re.compile(r"365\.2\d*|\b1_?461\b")
SQL_OF_YEARS = re.compile(
    r"\bdate_?(?:diff|sub|part|trunc)\s*\(\s*'years?'|\bage\(|\byears?\([^()]*\)\s*-\s*\S*(?:birth|born)|(?:birth|born)\S*\)*\s*/\s*365",
    re.IGNORECASE,
)
BIRTH = re.compile(r"birth|born", re.IGNORECASE)


def formulas(text: str) -> Iterator[str]:
    """Return what may be a formula of an age in the text of a module."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and _is_suspect(node.value):
            yield f"line {node.lineno}: {node.value!r}"
        elif (isinstance(node, ast.BinOp) and (_divides_days_since_birth(node) or _subtracts_years_of_birth(node))) or (
            isinstance(node, ast.ImportFrom | ast.Import) and "dateutil" in ast.unparse(node)
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_suspect(value: object) -> bool:
    if isinstance(value, str):
        return bool(LENGTH_OF_YEAR.search(value) or SQL_OF_YEARS.search(value))
    return not isinstance(value, bool) and isinstance(value, int | float) and bool(LENGTH_OF_YEAR.fullmatch(str(value)))


def _divides_days_since_birth(node: ast.BinOp) -> bool:
    inside = any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) for part in ast.walk(node.left))
    return isinstance(node.op, ast.Div | ast.FloorDiv) and inside and bool(BIRTH.search(ast.unparse(node.left)))


def _subtracts_years_of_birth(node: ast.BinOp) -> bool:
    text = ast.unparse(node)
    return isinstance(node.op, ast.Sub) and bool(BIRTH.search(text)) and "year" in text.lower()


FILES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")) if file != HOME]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_has_no_formula_of_an_age(file: Path) -> None:
    found = list(formulas(file.read_text(encoding="utf-8")))
    assert not found, (
        f"{file.relative_to(ROOT)}: use completed_years or completed_years_sql of expectations/age.py instead of {found}"
    )


@pytest.mark.parametrize(
    "code",
    [
        "age = (index_day - birth_day) / 365.25", "age = (day - people.birth[rows]) // 365", "age = index.year - birth_date.year",
        "band = searchsorted(1461 * bounds, 4 * days)", "sql = f'({day} - birth_date) / 365'", "sql = \"date_diff('year', birth_date, index_date)\"",
        "sql = \"datesub('years', birth_date, index_date)\"", "sql = 'year(index_date) - birth_year'", "sql = 'age(index_date, birth_date)'",
        "sql = '4 * (index_date - birth_date) >= 1461 * 18'", "YEAR = 365.2425", "from dateutil.relativedelta import relativedelta",
        "age = year - 1 - born.year", "age = ((cut - people.birth) / YEAR >= 75)",
    ],
)  # fmt: skip
def test_a_formula_of_an_age_is_found(code: str) -> None:
    assert list(formulas(code))


@pytest.mark.parametrize(
    "code",
    [
        "days = date - birth",
        "near = days <= 365",
        "years = days / DAYS_PER_YEAR",
        "sql = 'birth_year > year(extract_date)'",
        "n = [1, 365, 146]",
    ],
)
def test_another_use_of_days_and_births_is_none(code: str) -> None:
    assert not list(formulas(code))


def test_the_home_has_the_formula() -> None:
    assert list(formulas(HOME.read_text(encoding="utf-8")))
