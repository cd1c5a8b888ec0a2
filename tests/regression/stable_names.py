"""Stable names for the keys that derive from code, settings or the tracker.

A run, a training, a model and an extract are each identified by a digest. A change of code or settings gives another digest for the same
result, so the digests are replaced by what they stand for before tables are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipelines.lake.storage import Lake


def stable_names(lake: Lake) -> dict[str, str]:
    """Return the stable name of each digest that the lake's records hold."""
    return dict([*_extracts(lake), *_trainings(lake), *_runs(lake)])


def _extracts(lake: Lake) -> Iterator[tuple[str, str]]:
    rows = _rows(lake, "raw__extracts", "feed, path, extract_id, extract_date", "feed, extract_date, path")
    yield from _numbered((row["extract_id"], f"extract {row['feed']} {row['extract_date']}") for row in rows)


def _trainings(lake: Lake) -> Iterator[tuple[str, str]]:
    columns = "training_id, outcome, candidate, model_digest, min(recorded_at) OVER (PARTITION BY training_id) AS first"
    rows = _rows(lake, "risk__models", columns, "first, candidate")
    yield from _numbered((row["training_id"], f"training {row['outcome']}") for row in rows)
    yield from _numbered((row["model_digest"], f"model {row['outcome']} {row['candidate']}") for row in rows)


def _runs(lake: Lake) -> Iterator[tuple[str, str]]:
    rows = _rows(lake, "risk__runs", "run_id, outcome, index_date", "recorded_at")
    yield from _numbered((row["run_id"], f"run {row['outcome']} {row['index_date']}") for row in rows)


def _rows(lake: Lake, name: str, columns: str, order: str) -> list[dict[str, object]]:
    return list(lake.read(name, columns, order=order).to_pylist()) if lake.exists(name) else []


def _numbered(pairs: Iterable[tuple[object, str]]) -> Iterator[tuple[str, str]]:
    """Yield each digest once, with its name and the number of its first appearance under that name."""
    seen: set[object] = set()
    count: Counter[str] = Counter()
    for digest, name in pairs:
        if digest and digest not in seen:
            seen.add(digest)
            count[name] += 1
            yield str(digest), f"{name} {count[name]}"
