import hashlib
import hmac
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import SettingsError
from pipelines.extracts.pseudonyms import keyed, pseudonym_of, pseudonym_sql, read_key, read_keys
from pipelines.lake.duckdb_connection import connect
from pipelines.sources.nhs import PseudonymSettings

KEY = b"k" * 31 + b"\xff"


def expected(message: str, key: bytes = KEY) -> str:
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.mark.parametrize("key", [KEY, b"short but long enough a key 12345", bytes(range(64)), bytes(range(100))])
def test_a_pseudonym_is_the_hmac_of_the_identifier(key: bytes) -> None:
    with connect() as con, keyed(con, [key]):
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
        with keyed(con, [KEY]):
            pass
        with pytest.raises(duckdb.Error):
            con.execute(f"SELECT {pseudonym_sql('v')} FROM (VALUES ('1')) t(v)")


def test_the_key_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    (tmp_path / "key").chmod(0o600)
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


def test_a_key_file_that_anyone_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_key(PseudonymSettings(key_file=Path("key")), tmp_path)
    (tmp_path / "key").chmod(0o640)  # a secrets store's group
    assert read_key(PseudonymSettings(key_file=Path("key")), tmp_path) == KEY


def test_later_keys_hash_the_pseudonym_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", "v" * 32)
    monkeypatch.setenv("LATER", "w" * 32)
    keys = read_keys(PseudonymSettings.model_validate({"later_keys": [{"key_variable": "LATER"}]}), tmp_path)
    assert keys == (b"v" * 32, b"w" * 32)
    first, both = expected("9434765919", keys[0]), expected(expected("9434765919", keys[0]), keys[1])
    gone = hashlib.sha256(f"strata erasure {first}".encode()).hexdigest()
    with connect() as con:
        for erased, wanted in (((), both), ({"ab" * 32}, both), ({gone}, first)):  # the erased keep the one they are known by
            with keyed(con, keys, erased):
                (found,) = con.execute(f"SELECT {pseudonym_sql('v')} FROM (VALUES ('943 476 5919')) t(v)").fetchall()
            assert found == (wanted,)
            assert pseudonym_of("943 476 5919", keys, erased) == wanted
