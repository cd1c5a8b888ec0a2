import csv
from pathlib import Path

import pytest

from expectations.identifier_schemes import passes_verhoeff
from features.code_list_files import OWN_FOLDER, fault_of_code
from features.code_lists import CodeList, CodeListError, load_code_lists

HEADER = "list,system,code,match,description,source\n"
INDEX = "list,system,file,cluster,source,version,date,licence\n"
CLUSTERS = (
    "Cluster_ID\tCluster_Description\tSNOMED_code\tSNOMED_code_description\tPCD_Refset_ID\tService_and_Ruleset\n"
    "AST_COD\tAsthma codes\t195967001\tAsthma (disorder)\t999\tQOF\n"
    "AST_COD\tAsthma codes\t195967001\tAsthma (disorder)\t999\tanother service\n"
    "COPD_COD\tCOPD codes\t13645005\tCOPD\t998\tQOF\n"
)
REFSET = (
    "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n"
    "a\t20250101\t1\t1\t999\t195967001\nb\t20250101\t0\t1\t999\t44054006\nc\t20250101\t1\t1\t998\t13645005\n"
)
STRATA = load_code_lists()


def lists_of(folder: Path, files: dict[str, str]) -> dict[str, CodeList]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_code_lists(folder)


def test_a_team_s_half_replaces_the_one_of_its_list_and_terminology_and_the_other_half_stays(tmp_path: Path) -> None:
    lists = lists_of(tmp_path, {"own.csv": HEADER + "asthma,icd10,j45.9,exact,Asthma,Our team\n"})
    assert lists["asthma"].codes("icd10") == ("J459",)
    assert lists["asthma"].codes("snomed") == STRATA["asthma"].codes("snomed")
    assert lists["copd"] == STRATA["copd"]
    assert lists["asthma"].version != STRATA["asthma"].version


def test_a_list_that_includes_the_replaced_one_has_its_new_codes(tmp_path: Path) -> None:
    lists = lists_of(tmp_path, {"own.csv": HEADER + "stroke,snomed,230690007,exact,Stroke,Our team\n"})
    assert set(lists["stroke_tia"].codes("snomed")) == {"230690007", *STRATA["transient_ischaemic_attack"].codes("snomed")}
    assert lists["stroke_tia"].codes("icd10") == STRATA["stroke_tia"].codes("icd10")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("opencodelists.csv", "code,term\n195967001,Asthma\n"), ("ids.csv", "id,name\n195967001,Asthma\n"),
        ("snomedcode.csv", "snomedcode,term\n195967001,Asthma\n"), ("refset.txt", REFSET), ("clusters.txt", CLUSTERS),
    ],
)  # fmt: skip
def test_a_published_file_needs_a_row_of_the_index_alone(tmp_path: Path, file: str, text: str) -> None:
    cluster = {"refset.txt": "999", "clusters.txt": "AST_COD"}.get(file, "")
    lists = lists_of(
        tmp_path, {"index.csv": INDEX + f"asthma,snomed,{file},{cluster},Our source,3,2025-01-01,OGL-3.0\n", file: text}
    )
    assert lists["asthma"].codes("snomed") == ("195967001",)
    assert lists["asthma"].codes("icd10") == STRATA["asthma"].codes("icd10")
    half = next(half for half in lists["asthma"].halves if half.system == "snomed")
    assert (half.label, half.source, half.version, half.date, half.licence) == (
        "Asthma",
        "Our source",
        "3",
        "2025-01-01",
        "OGL-3.0",
    )


def test_a_list_of_products_is_read_from_opencodelists(tmp_path: Path) -> None:
    text = "dmd_type,dmd_id,dmd_name,bnf_code\nVMP,319996000,Simvastatin 10mg tablets,0212\n"
    lists = lists_of(tmp_path, {"index.csv": INDEX + "statins,dmd,statins.csv,,O,,,\n", "statins.csv": text})
    assert lists["statins"].codes("dmd") == (
        "319996000",
        "42381911000001105",
    )  # the product, and its code since it was renumbered
    assert lists["statins"].meaning("dmd", "319996000") == "Simvastatin 10mg tablets"


def test_a_file_of_clusters_replaces_every_list_that_names_its_cluster(tmp_path: Path) -> None:
    lists = lists_of(
        tmp_path, {"index.csv": INDEX + "*,snomed,clusters.txt,,PCD,48,2025-06-27,OGL-3.0\n", "clusters.txt": CLUSTERS}
    )
    assert lists["asthma"].codes("snomed") == ("195967001",)
    assert lists["copd"].codes("snomed") == ("13645005",)
    assert lists["dementia"] == STRATA["dementia"]
    assert {half.version for half in lists["copd"].halves if half.system == "snomed"} == {"48"}


@pytest.mark.parametrize(
    ("name", "cluster", "code"),
    [
        ("atrial_fibrillation", "AFIB_COD", "49436004"), ("type_1_diabetes", "DMTYPE1AUDIT_COD", "46635009"),
        ("type_2_diabetes", "DMTYPE2AUDIT_COD", "44054006"), ("care_home", "CAREHOME_COD", "160734000"), ("cancer", "CAN_COD", "363346000"),
    ],
)  # fmt: skip
def test_a_list_that_a_file_of_clusters_replaces_includes_no_other_list(
    tmp_path: Path, name: str, cluster: str, code: str
) -> None:
    assert len(STRATA[name].codes("snomed")) > 1
    text = "Cluster_ID\tSNOMED_code\tSNOMED_code_description\n" + f"{cluster}\t{code}\tThe code\n"
    lists = lists_of(tmp_path, {"index.csv": INDEX + "*,snomed,clusters.txt,,PCD,48,2025-06-27,OGL-3.0\n", "clusters.txt": text})
    assert lists[name].codes("snomed") == (code,)
    included = next(half for half in STRATA[name].halves if half.system == "snomed").includes
    assert [lists[other].codes("snomed") for other in included] == [STRATA[other].codes("snomed") for other in included]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"own.csv": HEADER + "asthma,readv2,H33,exact,Asthma,T\n"}, r"own.csv, line 2: .*system"),
        ({"own.csv": HEADER + "asthma,snomed,195967002,exact,Asthma,T\n"}, r"own.csv, line 2: '195967002' .*check digit"),
        ({"own.csv": "list,code\n"}, r"own.csv: columns are missing: system"),
        ({"a.csv": HEADER + "gout,icd10,M10,prefix,G,T\n", "b.csv": HEADER + "gout,icd10,M11,prefix,G,T\n"},
         r"b.csv: the icd10 codes of the list 'gout' are also in a.csv"),
        ({"index.csv": INDEX + "asthma,snomed,no.csv,,,,,\n"}, r"index.csv, line 2: there is no file 'no.csv'"),
        ({"index.csv": INDEX + "asthma,snomed,x.csv,,,,,\n", "x.csv": "concept\n1\n"}, r"x.csv: no column has the codes"),
        ({"index.csv": INDEX + "asthma,snomed,x.csv,,,,,\n", "x.csv": "code\n195967002\n"}, r"x.csv, line 2: '195967002'"),
        ({"index.csv": INDEX + "asthma,snomed,c.txt,,,,,\n", "c.txt": CLUSTERS}, r"c.txt holds 2 sets"),
        ({"index.csv": INDEX + "asthma,snomed,c.txt,XX_COD,,,,\n", "c.txt": CLUSTERS}, r"no code of the set XX_COD for the list 'asthma'"),
        ({"index.csv": INDEX + "*,snomed,x.csv,,,,,\n", "x.csv": "code\n195967001\n"}, r"x.csv does not hold several sets"),
        ({"index.csv": INDEX + "*,icd10,c.txt,,,,,\n", "c.txt": CLUSTERS}, r"index.csv, line 2: no list of the system icd10 .* replaces nothing"),
        ({"index.csv": INDEX + "*,snomed,c.txt,,,,,\n", "c.txt": CLUSTERS.replace("_COD\t", "_FOO\t")}, r"c.txt, so the list \* replaces nothing"),
        ({"index.csv": INDEX + "*,snomed,r.txt,,,,,\n", "r.txt": REFSET}, r"r.txt, so the list \* replaces nothing. .* name the list"),
        ({"OWN.CSV": HEADER + "astma,snomed,195967001,exact,Asthma,T\n"}, r"OWN.CSV, line 2: the list 'astma' is not one of Strata's"),
        ({"own.txt": "code\n195967001\n"}, r"own.txt: columns are missing: list"),
        ({"own.xlsx": "PK"}, r"own.xlsx: Strata reads files that end in .csv, .tsv, .txt. Save the list as CSV"),
        ({"own.csv.bak": HEADER}, r"own.csv.bak: Strata reads files that end in"),
        ({"x.csv": HEADER + "hba1c,snomed,999791000000106,exact,H,T\nhba1c,snomed,27113001,exact,W,T\n"},
         r"x.csv, line 3: the code 27113001 is in the code lists hba1c and weight, .* Remove it from one of them"),
        ({"index.csv": INDEX + "hba1c_tests,snomed,x.csv,,,,,\n", "x.csv": "code\n27113001\n"}, r"x.csv, line 2: the code 27113001 .* hba1c and weight"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_line_and_rule(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    with pytest.raises(CodeListError, match=fault):
        lists_of(tmp_path, files)


@pytest.mark.parametrize("name", ["own.csv", "OWN.CSV", "own.tsv", "own.txt", "Own.Txt"])
def test_a_file_of_lists_is_read_whatever_the_end_of_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "README.md").write_text("Our lists", encoding="utf-8")
    lists = lists_of(tmp_path, {name: HEADER.replace(",", "\t") + "asthma\tsnomed\t195967001\texact\tAsthma\tT\n"})
    assert lists["asthma"].codes("snomed") == ("195967001",)


def test_an_index_and_a_cluster_are_found_whatever_their_letter_case(tmp_path: Path) -> None:
    lists = lists_of(tmp_path, {"Index.CSV": INDEX + "*,snomed,c.txt,,,,,\n", "c.txt": CLUSTERS.replace("AST_COD", "ast_cod")})
    assert lists["asthma"].codes("snomed") == ("195967001",)
    assert lists["copd"].codes("snomed") == ("13645005",)


def test_the_cluster_of_the_register_of_kidney_disease_replaces_every_code_of_it(tmp_path: Path) -> None:
    text = "Cluster_ID\tSNOMED_code\tSNOMED_code_description\nCKD_COD\t433144002\tStage 3\n"
    lists = lists_of(tmp_path, {"index.csv": INDEX + "*,snomed,c.txt,,,,,\n", "c.txt": text})
    assert lists["chronic_kidney_disease"].codes("snomed") == lists["ckd_3_to_5"].codes("snomed") == ("433144002",)


NEW_HEADER = HEADER.replace("source\n", "source,new\n")


@pytest.mark.parametrize("name", ["astma", "asthma_resolve", "type_2_diabetes_resolved"])
def test_a_list_that_nothing_reads_is_refused_with_the_closest_name(tmp_path: Path, name: str) -> None:
    closest = {"astma": "asthma", "asthma_resolve": "asthma_resolved", "type_2_diabetes_resolved": "type_2_diabetes_register"}[
        name
    ]
    with pytest.raises(CodeListError, match=rf"own.csv, line 3: the list '{name}' .*'{closest}'.*column `new`"):
        lists_of(tmp_path, {"own.csv": HEADER + f"gout,icd10,M10,prefix,G,T\n{name},snomed,195967001,exact,A,T\n"})
    index = INDEX + f"{name},snomed,x.csv,,,,,\n"
    (tmp_path / "own.csv").unlink()
    with pytest.raises(CodeListError, match=rf"index.csv, line 2: the list '{name}'"):
        lists_of(tmp_path, {"index.csv": index, "x.csv": "code\n195967001\n"})


def test_a_list_that_something_reads_or_that_is_meant_to_be_new_is_accepted(tmp_path: Path) -> None:
    files = {
        "own.csv": NEW_HEADER + "check_up,icd10,Z00,prefix,Check-up,T,Yes\ncheck_up,icd10,Z01,prefix,Check-up,T,\n",
        "ends.csv": HEADER + "stroke_tia_resolved,snomed,195967001,exact,A,T\nour_asthma,snomed,195967001,exact,A,T\n",
        "index.csv": "list,system,file,includes,new\nasthma,snomed,x.csv,our_asthma,\nour_index,snomed,x.csv,,1\n",
        "x.csv": "code\n304527002\n",
    }
    lists = lists_of(tmp_path, files)
    assert lists["check_up"].codes("icd10") == ("Z00", "Z01")
    assert lists["our_index"].codes("snomed") == ("304527002",)
    assert set(lists["asthma"].codes("snomed")) == {"304527002", "195967001"}
    assert "stroke_tia_resolved" in lists
    with pytest.raises(CodeListError, match=r"own.csv, line 2: 'maybe' in the column new is neither yes nor no"):
        lists_of(tmp_path, {"own.csv": NEW_HEADER + "check_up,icd10,Z00,prefix,Check-up,T,maybe\n"})


REFSET_HEADER = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n"
ASTHMA_INDEX = INDEX + "asthma,snomed,x.csv,,,,,\n"


def asthma(folder: Path, text: str, index: str = ASTHMA_INDEX) -> set[str]:
    """Return the codes of the list of asthma that a file has."""
    return set(lists_of(folder, {"index.csv": index, "x.csv": text})["asthma"].codes("snomed"))


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "false"), ("TRUE", "False"), ("yes", "no")])
def test_an_inactive_member_is_skipped_however_it_is_written(tmp_path: Path, yes: str, no: str) -> None:
    rows = f"a\t20200101\t{no}\t1\t999\t195967001\nb\t20200101\t{yes}\t1\t999\t304527002\n"
    assert asthma(tmp_path, REFSET_HEADER + rows) == {"304527002"}


@pytest.mark.parametrize("value", ["", "2", "?", "?true"])
def test_a_member_of_which_it_is_not_clear_whether_it_is_active_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(CodeListError, match=r"x.csv, line 3: the value .* in the column active does not say .*Write 1 or 0"):
        asthma(tmp_path, REFSET_HEADER + f"b\t20200101\t1\t1\t999\t304527002\na\t20200101\t{value}\t1\t999\t195967001\n")


def test_the_latest_row_of_each_member_counts(tmp_path: Path) -> None:
    ended = "a\t20250101\t0\t1\t999\t195967001\na\t20200101\t1\t1\t999\t195967001\n"
    again = "b\t20200101\t0\t1\t999\t304527002\nb\t2025-01-01\t1\t1\t999\t304527002\n"
    another_member = "c\t20200101\t0\t1\t999\t195967001\nd\t20190101\t1\t1\t999\t195967001\n"
    assert asthma(tmp_path, REFSET_HEADER + ended + again) == {"304527002"}
    assert asthma(tmp_path, REFSET_HEADER + again + another_member) == {"304527002", "195967001"}
    no_id = "effectiveTime\tactive\trefsetId\treferencedComponentId\n20250101\t0\t999\t195967001\n20200101\t1\t999\t195967001\n20200101\t1\t999\t304527002\n"
    assert asthma(tmp_path, no_id) == {"304527002"}


def test_a_history_without_the_days_is_refused(tmp_path: Path) -> None:
    for day in ("20200101", ""):
        rows = f"a\t20200101\t1\t1\t999\t195967001\na\t{day}\t0\t1\t999\t195967001\n"
        with pytest.raises(CodeListError, match=r"x.csv, line 3: another row of the same member .*Use the snapshot"):
            asthma(tmp_path, REFSET_HEADER + rows)
    with pytest.raises(CodeListError, match=r"x.csv, line 2: the effectivetime '2020' is not a day"):
        asthma(tmp_path, REFSET_HEADER + "a\t2020\t1\t1\t999\t195967001\n")


@pytest.mark.parametrize(
    ("column", "counts", "counts_not"),
    [
        ("status", "active", "inactive"), ("Status", "+", "-"), ("status", "(+)", "(-)"), ("included", "1", "0"), ("include", "Yes", "No"),
        ("inactive", "0", "1"), ("INVALID", "", "1"), ("excluded", "false", "TRUE"), ("concept status", "current", "retired"),
    ],
)  # fmt: skip
def test_a_code_that_a_file_marks_as_inactive_or_excluded_is_skipped(
    tmp_path: Path, column: str, counts: str, counts_not: str
) -> None:
    assert asthma(tmp_path, f"code,term,{column}\n195967001,A,{counts_not}\n304527002,B,{counts}\n") == {"304527002"}
    (tmp_path / "index.csv").unlink()
    (tmp_path / "x.csv").unlink()
    lines = f"asthma,snomed,195967001,exact,A,T,{counts_not}\nasthma,snomed,304527002,exact,A,T,{counts}\n"
    own = lists_of(tmp_path, {"own.csv": HEADER.replace("source\n", f"source,{column}\n") + lines})
    assert own["asthma"].codes("snomed") == ("304527002",)


@pytest.mark.parametrize(
    ("column", "value"), [("status", "?"), ("status", "!"), ("status", "active and retired"), ("invalid", "2")]
)
def test_a_mark_that_is_not_clear_is_refused(tmp_path: Path, column: str, value: str) -> None:
    with pytest.raises(CodeListError, match=rf"x.csv, line 2: the value .* in the column {column} does not say"):
        asthma(tmp_path, f"code,term,{column}\n195967001,A,{value}\n")


def test_inactive_codes_of_a_cluster_are_skipped_and_lines_that_are_all_inactive_are_refused(tmp_path: Path) -> None:
    text = "Cluster_ID\tSNOMED_code\tSNOMED_code_description\tActive_status\nAST_COD\t195967001\tA\t0\nAST_COD\t304527002\tB\t1\n"
    assert asthma(tmp_path, text, INDEX + "*,snomed,x.csv,,,,,\n") == {"304527002"}
    (tmp_path / "index.csv").unlink()
    (tmp_path / "x.csv").unlink()
    header = HEADER.replace("source\n", "source,active\n")
    with pytest.raises(CodeListError, match=r"own.csv, line 2: every snomed code of the list 'asthma' is marked as inactive"):
        lists_of(tmp_path, {"own.csv": header + "asthma,snomed,195967001,exact,A,T,0\n"})


def test_a_plain_file_of_several_sets_needs_the_name_of_the_set(tmp_path: Path) -> None:
    text = "code,term,refsetId\n195967001,A,998\n304527002,B,999\n"
    with pytest.raises(CodeListError, match=r"x.csv holds 2 sets"):
        asthma(tmp_path, text)
    assert asthma(tmp_path, text, INDEX + "asthma,snomed,x.csv,999,,,,\n") == {"304527002"}


def test_a_code_that_a_spreadsheet_rounded_is_refused_also_where_its_check_digit_is_right_by_chance(tmp_path: Path) -> None:
    with (OWN_FOLDER / "dmd" / "medicines.csv").open(encoding="utf-8") as file:
        codes = {row["code"] for row in csv.DictReader(file) if len(row["code"]) > 15}
    rounded = {code[:15] + "0" * (len(code) - 15) for code in codes} - codes
    assert [code for code in rounded if not fault_of_code("dmd", code)] == []
    by_chance = next(code for first in range(100) if passes_verhoeff(code := f"{999000011000000 + first}000"))
    with pytest.raises(CodeListError, match=r"x.csv, line 2: .*A spreadsheet keeps 15 digits"):
        lists_of(tmp_path, {"index.csv": INDEX + "statins,dmd,x.csv,,,,,\n", "x.csv": f"code,term\n{by_chance},A\n"})


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(HEADER.encode() + "asthma,icd10,J45,prefix,Asthme s\u00e9v\u00e8re,T\n".encode("latin-1"))
    with pytest.raises(CodeListError, match=r"own.csv: the text is not UTF-8"):
        load_code_lists(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodeListError, match="does not exist"):
        load_code_lists(tmp_path / "absent")
