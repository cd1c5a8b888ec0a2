import hashlib
import hmac
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import SettingsError
from pipelines.extracts.pseudonyms import keyed, pseudonym_sql, read_key
from pipelines.sources.nhs import PseudonymSettings
from pipelines.storage import connect

KEY = b"k" * 31 + b"\xff"


def expected(message: str, key: bytes = KEY) -> str:
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.mark.parametrize("key", [KEY, b"short but long enough a key 12345", bytes(range(64))])
def test_a_pseudonym_is_the_hmac_of_the_identifier(key: bytes) -> None:
    with connect() as con, keyed(con, key):
        values = con.execute(
            f"SELECT {pseudonym_sql('v')} FROM (VALUES ('9434765919'), ('943 476 5919'), ('é-abc'), (' '), (NULL)) t(v)"
        ).fetchall()
    assert [value for (value,) in values] == [
        expected("9434765919", key),
        expected("9434765919", key),
        expected("ÉABC", key),
        None,
        None,
    ]


def test_the_key_is_gone_after_use() -> None:
    with connect() as con:
        with keyed(con, KEY):
            pass
        with pytest.raises(duckdb.Error):
            con.execute(f"SELECT {pseudonym_sql('v')} FROM (VALUES ('1')) t(v)")


def test_the_key_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", "v" * 32)
    assert read_key(PseudonymSettings(key_file=Path("key")), tmp_path) == KEY
    assert read_key(PseudonymSettings(), tmp_path) == b"v" * 32


def test_a_short_or_absent_key_is_refused_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", "secret")
    with pytest.raises(SettingsError, match="6 bytes") as refused:
        read_key(PseudonymSettings(), tmp_path)
    assert "secret" not in str(refused.value)
    with pytest.raises(SettingsError, match="there is no file"):
        read_key(PseudonymSettings(key_file=Path("none")), tmp_path)
