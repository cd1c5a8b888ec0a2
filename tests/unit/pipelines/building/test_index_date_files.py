from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import LABELS
from pipelines.building.index_date_files import file_columns


def test_rows_with_individual_index_dates_are_not_split_into_a_file_for_each_day() -> None:
    assert file_columns(PERSON_FEATURES, own_dates=False) == ("index_date",)
    assert file_columns(PERSON_FEATURES, own_dates=True) == ()
    assert file_columns(LABELS, own_dates=True) == ("outcome",)
