"""The settings of the engine: where features are built, and how many threads and how much memory are used."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from pipelines.building.spark_engine import SparkSettings


class EngineSettings(BaseModel, extra="forbid", frozen=True):
    """Where features are built, and how many threads and how much memory are used; `engine: spark` is short for its `kind`."""

    kind: Literal["local", "spark"] = Field(
        default="local", description="local builds the features on this machine; spark builds them on Spark, by range of people"
    )
    threads: int = Field(default=2, ge=1, le=256, description="number of threads of DuckDB and LightGBM")
    memory_gb: float = Field(default=4.0, ge=0.5, le=4096, description="memory limit of DuckDB, in GB")
    spark: SparkSettings = SparkSettings()

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value
