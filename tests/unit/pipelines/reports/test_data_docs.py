import re
from pathlib import Path

import pandas as pd

from expectations.suites import summary_suite
from expectations.validation import Engine
from pipelines.reports.data_docs import data_docs


def test_data_docs_hold_figures_and_no_row_values(tmp_path: Path) -> None:
    documented = Engine(data_docs(tmp_path))
    suite = summary_suite(
        "raw__opt_outs__delivery", {"share_set_aside": (None, 0.2, "The share of rows set aside stays below its limit.")}
    )
    assert documented.check_summary(pd.DataFrame({"share_set_aside": [0.35]}), suite) == {"share_set_aside"}
    documented.write_docs()
    pages = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")]
    assert any("Share set aside" in page and "0.35" in page for page in pages)
    assert not any("http:" in page or "https:" in page for page in pages)


def test_the_first_page_of_data_docs_leads_to_every_delivery(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-02-01"):
        documented = Engine(data_docs(tmp_path))
        suite = summary_suite(f"raw__opt_outs__delivery_{day}", {"not_empty": (1, None, "An extract holds at least one row.")})
        assert documented.check_summary(pd.DataFrame({"not_empty": [5.0]}), suite) == set()
        documented.write_docs()
    first = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "raw__opt_outs, delivery of 2026-01-01: 0 of 1 rules broken" in first
    linked = [tmp_path / address for address in re.findall(r'<li><a href="([^"]+)"', first)]
    assert len(linked) == 2 and all(page.exists() for page in linked)
