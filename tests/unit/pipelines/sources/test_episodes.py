from __future__ import annotations

import pytest
from pydantic import ValidationError

from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import FeedSettings, NhsSettings


def test_an_episodes_number_is_part_of_its_key() -> None:
    episodes = as_delivered(ADMISSIONS, FeedSettings(rows_are="episodes"))

    assert episodes.key == ("provider_code", "spell_number", "admission_date", "record_id")
    assert not episodes.column("record_id").nullable
    assert [rule.columns for rule in episodes.row_rules if rule.reason == "duplicate_row"] == [episodes.key]
    assert [rule.reason for rule in episodes.row_rules] == [rule.reason for rule in ADMISSIONS.row_rules]


def test_spells_keep_their_declaration() -> None:
    assert as_delivered(ADMISSIONS, FeedSettings()) is ADMISSIONS


def test_only_admissions_have_episodes() -> None:
    with pytest.raises(ValidationError, match="only the rows of admissions can be episodes"):
        NhsSettings(feeds={"outpatient_appointments": FeedSettings(rows_are="episodes")})
