"""The settings of the engine: where features are built, and what the machine may use for it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from pipelines.building.spark_engine import SparkSettings


class EngineSettings(BaseModel, extra="forbid", frozen=True):
    """What the machine may give, and where features are built; `engine: spark` alone stands for its `kind`."""

    kind: Literal["local", "spark"] = Field(
        default="local", description="local: this machine builds the features; spark: Spark builds them by range of people"
    )
    threads: int = Field(default=2, ge=1, le=256, description="threads of DuckDB and LightGBM")
    memory_gb: float = Field(default=4.0, ge=0.5, le=4096, description="memory limit of DuckDB, in GB")
    spark: SparkSettings = SparkSettings()

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, given: object) -> object:
        return {"kind": given} if isinstance(given, str) else given
