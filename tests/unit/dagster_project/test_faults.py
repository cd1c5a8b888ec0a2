import errno
import traceback

import duckdb
import pytest

from dagster_project.faults import WITHHELD, without_cause, without_values
from pipelines.errors import StrataError

VALUE = "9990000018"


def failing(query: str) -> Exception:
    with pytest.raises(duckdb.Error) as caught:
        duckdb.sql(query).fetchall()
    return caught.value


def test_words_that_may_repeat_a_row_are_withheld_from_an_error_and_its_causes() -> None:
    error = failing(f"SELECT CAST(v AS DATE) FROM (VALUES ('{VALUE}')) t(v)")
    assert VALUE in str(error)
    try:
        raise KeyError(VALUE) from error
    except KeyError as met:
        clean = without_values(met)
    printed = "".join(traceback.format_exception(clean))
    assert VALUE not in printed
    assert f"KeyError: {WITHHELD}" in printed
    assert "ConversionException" in printed
    assert "test_faults.py" in printed  # the place is reported


def test_words_of_code_files_and_the_disk_are_kept() -> None:
    assert "no_such_column" in str(without_values(failing("SELECT no_such_column FROM (VALUES (1)) t(v)")))
    assert "No space left" in str(without_values(OSError(errno.ENOSPC, "No space left on device")))
    assert str(without_values(RuntimeError(f"row {VALUE}: database or disk is full"))) == f"disk is full; {WITHHELD}"


def test_an_error_of_stratas_own_keeps_its_words_and_loses_its_cause() -> None:
    with pytest.raises(StrataError) as caught:
        try:
            float(VALUE + "x")
        except ValueError as error:
            raise StrataError("fix the file") from error
    printed = "".join(traceback.format_exception(without_cause(caught.value)))
    assert "fix the file" in printed
    assert VALUE not in printed
