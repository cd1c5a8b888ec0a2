from expectations.suppression import LOST_MARKS, NOT_READABLE, SUPPRESSIONS
from expectations.tables.core import PERSON


def test_each_reason_is_stored_once_and_allowed() -> None:
    assert len(set(SUPPRESSIONS)) == len(SUPPRESSIONS)
    assert set(LOST_MARKS) == {"is_confidential", "is_test_patient", "is_spine_sensitive", "is_deleted"}
    assert PERSON.column("suppression").allowed == SUPPRESSIONS
    assert not set(NOT_READABLE) & set(SUPPRESSIONS)
