"""The report of a trained model: complete, self-contained, and the same numbers as the stored audit."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from models.intervals import Estimate
from pipelines.reports.model.tripod import ITEMS
from pipelines.reports.numbers import with_limits

pytestmark = pytest.mark.slow
VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """The parts of a page that the tests check."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.described = 0
        self.drawings = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.open += [] if tag in VOID else [tag]
        self.ids += [str(attributes["id"])] if "id" in attributes else []
        self.links += [str(attributes[name]) for name in ("href", "src", "xlink:href") if name in attributes]
        self.drawings += tag == "svg"
        self.described += attributes.get("role") == "img" and bool(attributes.get("aria-label"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"<{tag}> closes what it did not open"


@pytest.fixture(scope="module")
def reports(undisturbed: Any) -> dict[str, str]:
    """Return the page of each candidate of the small ICB."""
    import mlflow

    assert undisturbed.code == 0
    mlflow.set_tracking_uri(f"sqlite:///{undisturbed.home / 'mlflow.db'}")
    runs = undisturbed.lake.read("risk__models", "candidate, mlflow_run_id").to_pylist()
    return {row["candidate"]: mlflow.artifacts.load_text(f"runs:/{row['mlflow_run_id']}/model_report.html") for row in runs}


def test_every_candidate_has_a_page_that_fetches_nothing(reports: dict[str, str]) -> None:
    assert set(reports) == {"age_sex", "logistic"}
    for text in reports.values():
        page = Page(text)
        assert page.open == []
        assert all(link.startswith("#") for link in page.links)
        assert not re.search(r"url\((?!#)|@import", text)
        assert {link[1:] for link in page.links} <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))
        assert page.described == page.drawings > 4


def test_each_item_of_the_checklist_points_to_a_section_or_names_what_is_missing(reports: dict[str, str]) -> None:
    ids = set(Page(reports["logistic"]).ids)
    assert all(item.section in ids or item.note for item in ITEMS)
    assert {item.number for item in ITEMS} >= {"1", "2", "4", "7", "10", "14", "22", "26"}
    assert len({item.number for item in ITEMS}) == len(ITEMS) == 52


def test_the_page_has_the_numbers_of_the_audit(reports: dict[str, str], undisturbed: Any) -> None:
    audit = undisturbed.lake.read(
        "equity__model_audit",
        "metric, value, lower, upper",
        "candidate = 'logistic' AND split = 'test' AND group_kind = 'all' AND metric IN ('auroc', 'brier', 'calibration_slope')",
    ).to_pylist()
    assert len(audit) == 3
    for row in audit:
        assert with_limits(Estimate(row["value"], row["lower"], row["upper"])) in reports["logistic"]


def test_gates_and_their_reasons_are_on_the_page(reports: dict[str, str], undisturbed: Any) -> None:
    import json

    stored = undisturbed.lake.read("risk__models", "gates", "candidate = 'logistic'")["gates"][0].as_py()
    text = html.unescape(reports["logistic"])
    assert all(gate["reason"] in text for gate in json.loads(stored))


def test_small_numbers_are_suppressed(reports: dict[str, str]) -> None:
    counts = re.findall(r"<tr><th scope=\"row\">[^<]*</th><td>([\d,]+|1 to 7)</td><td>[\d.]+%|–</td>", reports["logistic"])
    shown = [int(count.replace(",", "")) for count in counts if count and count != "1 to 7"]
    assert shown
    assert all(count == 0 or count >= 8 for count in shown)
    assert all(count % 5 == 0 for count in shown)


def test_no_measure_is_next_to_a_hidden_count(reports: dict[str, str]) -> None:
    by_group = reports["logistic"].split('<section id="groups">')[1].split("</section>")[0]
    rows = re.findall(r"<tr><th scope=\"row\">[^<]*</th><td>not shown</td><td>[^<]*</td>(.*)</tr>", by_group)
    assert rows
    assert {cell for row in rows for cell in re.findall(r"<td>([^<]*)</td>", row)} <= {"not shown", "–"}


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_a_phone_and_a_desk_in_a_browser(width: int, reports: dict[str, str], tmp_path: Path) -> None:
    browser = (
        shutil.which("chromium") or shutil.which("google-chrome") or pytest.skip("no Chromium here: apt-get install chromium")
    )
    script = "document.title = 'width ' + frame.contentDocument.documentElement.scrollWidth"
    frame = (
        f'<iframe id="frame" width="{width}" height="800" srcdoc="{html.escape(reports["logistic"])}" onload="{script}"></iframe>'
    )
    (tmp_path / "frame.html").write_text(f"<!doctype html><title>not loaded</title>{frame}", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900"]
    shown = subprocess.run(
        [browser, *options, "--dump-dom", (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=180, check=True
    )  # fmt: skip
    title = re.search(r"<title>width (\d+)</title>", shown.stdout)
    assert title, shown.stderr[-500:]
    assert int(title.group(1)) <= width  # only wide tables scroll sideways, each in its box
