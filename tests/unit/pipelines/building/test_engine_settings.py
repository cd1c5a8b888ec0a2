import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.building.engine_settings import EngineSettings
from pipelines.building.spark_engine import SparkSettings, check_spark, spark_session
from pipelines.errors import StrataError


def test_the_kind_of_the_engine_is_enough() -> None:
    assert EngineSettings.model_validate("spark") == EngineSettings(kind="spark")
    assert EngineSettings.model_validate({"threads": 8}).kind == "local"
    with pytest.raises(ValidationError, match="kind"):
        EngineSettings.model_validate("sparc")


def test_the_error_of_a_missing_pyspark_names_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(StrataError, match=r"make spark.*'local'"), spark_session(SparkSettings(), 2, tmp_path):
        pass


def test_the_error_of_a_missing_java_names_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed: make spark")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StrataError, match=r"openjdk-17-jre-headless.*'local'"):
        check_spark()
