from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.feature_page import EDITION, FILE, feature_page

CATALOGUE = build_catalogue(load_code_lists(), EDITION)


def test_the_page_of_the_features_is_current():
    assert FILE.read_text(encoding="utf-8") == feature_page(CATALOGUE), "run: make docs"


def test_every_feature_stands_on_the_page():
    page = feature_page(CATALOGUE)
    for feature in CATALOGUE.features:
        over_windows = feature.name.replace(f"_{feature.window_days}d", "_<days>d")
        assert f"`{feature.name}`" in page or f"`{over_windows}`" in page, feature.name


def test_features_that_differ_in_their_window_alone_share_a_line():
    lines = [line for line in feature_page(CATALOGUE).splitlines() if line.startswith("| `emergency_spells_<")]
    assert len(lines) == 1
    assert "| 30, 90, 180, 365, 730, 1,095 |" in lines[0]
