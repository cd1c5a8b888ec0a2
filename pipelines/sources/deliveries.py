"""The files of a source that is not the nhs source, in the form that ingest and validation take."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.sources.nhs import FeedSettings, NhsSettings, PseudonymSettings


def deliveries(feeds: Mapping[str, FeedSettings]) -> NhsSettings:
    """Give feeds of any names as ingest reads them; NhsSettings itself allows only the names of the nhs feeds."""
    return NhsSettings.model_construct(landing=None, feeds=dict(feeds), pseudonyms=PseudonymSettings(), postcode_lookup=None)
