"""Settings of retention and of disk space."""

from __future__ import annotations

from pydantic import BaseModel, Field


class UpkeepSettings(BaseModel, extra="forbid", frozen=True):
    """What `strata tidy` removes, and the disk space that a run needs before it starts."""

    old_versions_days: int = Field(
        default=90,
        ge=7,
        description="days that a table's earlier versions stay readable, at least 7, for readers that have one open",
    )
    reproducible_runs: int = Field(
        default=12,
        ge=0,
        description="number of the latest published runs of each outcome whose features are kept, whatever their age",
    )
    run_months: int | None = Field(
        default=None,
        ge=1,
        description="months after its index date that a run's scores and drivers are kept, by default forever. The current run always stays",
    )
    extract_months: int | None = Field(
        default=None,
        ge=1,
        description="months before the data cut that deliveries are kept, by default all. Older deliveries are removed and not ingested again, "
        "and what only they report is removed from the core tables too",
    )
    free_disk_gb: float = Field(
        default=1.0, ge=0, description="GB that must stay free in addition to what a run is expected to write"
    )
