"""Sensitivity at equal age: groups differ in age, and a crude comparison rejects any honest model."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from models.intervals import NOT_KNOWN, Estimate, on_log_scale, on_logit_scale

EVENTS_PER_BAND = 5  # neighbouring bands are merged until each group compared has this many events in each


def age_band_codes(bands: pd.Series) -> np.ndarray:
    """Return each row's place among the age bands by their lower ends ('65-69', '90+'); -1 if not known."""
    codes, names = pd.factorize(bands)
    lower = np.asarray([*(_lower_end(name) for name in names), np.nan])
    return np.asarray(pd.factorize(lower, sort=True)[0][codes])


def standardised_sensitivities(
    labels: np.ndarray, chosen: np.ndarray, bands: np.ndarray, codes: np.ndarray, groups: int
) -> list[Estimate]:
    """Return each group's sensitivity as it would be with everyone's age at the outcome.

    Groups have codes from 0. People in no group count in the ages of everyone. Masks and codes are in one order.
    """
    width = int(bands.max(initial=-1)) + 1
    rows = np.flatnonzero((labels > 0) & (bands >= 0))
    cell = (codes[rows] + 1) * width + bands[rows]
    size = (groups + 1) * width
    events = np.bincount(cell, minlength=size).reshape(groups + 1, width).astype(np.float64)
    listed_events = np.bincount(cell, weights=chosen[rows], minlength=size).reshape(groups + 1, width)
    weights = events.sum(axis=0)
    return [_at_everyones_age(events[place], listed_events[place], weights) for place in range(1, groups + 1)]


def _at_everyones_age(events: np.ndarray, listed_events: np.ndarray, weights: np.ndarray) -> Estimate:
    merged = _merged_bands([events])
    value, variance = _standardised(_sums(events, merged), _sums(listed_events, merged), _sums(weights, merged))
    return on_logit_scale(value, float(np.sqrt(variance))) if np.isfinite(value) else NOT_KNOWN


def sensitivity_ratio(labels: np.ndarray, chosen: np.ndarray, bands: np.ndarray, group: np.ndarray) -> Estimate:
    """Return a group's age-standardised sensitivity over that of everyone else; `error` is that of the logarithm."""
    inside, outside = _by_band(labels, chosen, bands, group), _by_band(labels, chosen, bands, ~group)
    merged = _merged_bands([inside[0], outside[0]])
    weights = _sums(inside[0] + outside[0], merged)
    ours, our_variance = _standardised(_sums(inside[0], merged), _sums(inside[1], merged), weights)
    theirs, their_variance = _standardised(_sums(outside[0], merged), _sums(outside[1], merged), weights)
    if not (np.isfinite(ours) and np.isfinite(theirs)) or ours <= 0 or theirs <= 0:
        return NOT_KNOWN
    log_error = float(np.sqrt(our_variance / ours**2 + their_variance / theirs**2))
    ratio = on_log_scale(ours / theirs, log_error)
    return Estimate(ratio.value, ratio.lower, ratio.upper, log_error)


def _by_band(labels: np.ndarray, chosen: np.ndarray, bands: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count events, and events that were chosen, in each band; rows without a band count in none."""
    width = int(bands.max(initial=-1)) + 1
    rows = group & (labels > 0) & (bands >= 0)
    events = np.bincount(bands[rows], minlength=width).astype(np.float64)
    return events, np.bincount(bands[rows], weights=chosen[rows], minlength=width)


def _merged_bands(events_of_groups: list[np.ndarray]) -> np.ndarray:
    """Return each band's merged band: neighbours join until every group has enough events in each."""
    merged, current = [], 0
    events_in_band = np.zeros(len(events_of_groups))
    for band in range(len(events_of_groups[0])):
        merged.append(current)
        events_in_band += [events[band] for events in events_of_groups]
        if (events_in_band >= EVENTS_PER_BAND).all():
            current, events_in_band = current + 1, np.zeros(len(events_of_groups))
    places = np.asarray(merged, dtype=np.intp)
    return np.minimum(places, max(current - 1, 0))  # the rest joins the last full band


def _sums(values: np.ndarray, merged: np.ndarray) -> np.ndarray:
    return np.bincount(merged, weights=values) if len(merged) else values


def _standardised(events: np.ndarray, listed_events: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    if not len(events) or (events == 0).any() or weights.sum() <= 0:
        return float("nan"), float("nan")
    share = weights / weights.sum()
    smoothed = (listed_events + 0.5) / (events + 1)  # keeps the variance above 0 in a band in which all or none were listed
    return float(share @ (listed_events / events)), float(share**2 @ (smoothed * (1 - smoothed) / events))


def _lower_end(band: object) -> float:
    match = re.search(r"\d+", str(band)) if band is not None else None
    return float(match.group()) if match else float("nan")
