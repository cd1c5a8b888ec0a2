import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import pipelines.reports
from expectations.table import Purpose
from pipelines.reports.labels import label
from pipelines.reports.pages import PAGES, figure, render

TEMPLATES = Path(pipelines.reports.__file__).parent / "templates"


def test_every_page_has_a_purpose_and_shows_it() -> None:
    shared = {"base.html", "parts.html"}
    assert set(PAGES) == {file.name for file in TEMPLATES.glob("*.html")} - shared
    assert "Purpose: operation." in render("deliveries.html", pages=[])


def test_a_planning_page_cannot_be_written_without_the_sentence_on_opt_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGES, "deliveries.html", Purpose.PLANNING)
    with pytest.raises(UndefinedError, match="opt_outs"):
        render("deliveries.html", pages=[])
    page = render("deliveries.html", pages=[], opt_outs="5.0% of people are excluded.")
    assert page.index("5.0% of people are excluded.") < page.index("<main")


def test_every_page_has_the_base_page_and_escapes_its_values() -> None:
    page = render("deliveries.html", pages=[{"address": "a.html", "title": "<b>GP</b> & co"}])
    assert "&lt;b&gt;GP&lt;/b&gt; &amp; co" in page
    assert '<html lang="en-GB">' in page and "default-src 'none'" in page
    assert "@media print" in page and "max-width: 30rem" in page
    assert page.index("<header") < page.index("<main") < page.index("<footer")
    assert not re.search(r"\b(?:src|href)=\"(?:https?:)?//", page)


@pytest.mark.parametrize(("value", "text"), [(1234567, "1,234,567"), (0.35, "0.35"), (None, ""), (True, "yes"), ("a", "a")])
def test_a_cell_is_written_for_a_reader(value: object, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("token", "text"),
    [("gp_observations", "GP observations"), ("emergency_admission", "Emergency admission"), ("last_ae_visit", "Last A&E visit")],
)
def test_a_stored_name_becomes_text(token: str, text: str) -> None:
    assert label(token) == text
