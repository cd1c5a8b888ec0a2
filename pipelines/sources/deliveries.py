"""The files of sources other than the NHS source, in the form that ingest and validation read."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.sources.nhs import FeedSettings, NhsSettings, PseudonymSettings


def deliveries(feeds: Mapping[str, FeedSettings]) -> NhsSettings:
    """Return feeds of any names in the form that ingest reads; NhsSettings itself accepts only NHS feeds."""
    return NhsSettings.model_construct(landing=None, feeds=dict(feeds), pseudonyms=PseudonymSettings(), postcode_lookup=None)
