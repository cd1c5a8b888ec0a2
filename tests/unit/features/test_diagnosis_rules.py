from features.code_lists import load_code_lists
from features.diagnosis_rules import AMBULATORY_CARE_SENSITIVE, CHRONIC_AMBULATORY_CARE_SENSITIVE, lists_of

LISTS = load_code_lists()


def test_every_list_of_a_rule_has_icd10_codes_and_is_named_once():
    names = lists_of((*AMBULATORY_CARE_SENSITIVE, *CHRONIC_AMBULATORY_CARE_SENSITIVE))
    assert [name for name in names if not LISTS[name].codes("icd10")] == []
    assert sorted(set(names)) == sorted(names)
    assert {"influenza_and_pneumonia", "sickle_cell_disorders", "chronic_airways_disease"} <= set(names)


def test_no_code_is_in_two_lists_that_make_a_stay_count():
    codes = [code for rule in AMBULATORY_CARE_SENSITIVE for code in LISTS[rule.code_list].codes("icd10")]
    assert sorted(set(codes)) == sorted(codes)
    assert len(codes) == 159  # the 158 codes of the source, and J20
