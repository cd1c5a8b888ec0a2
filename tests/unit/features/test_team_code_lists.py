from pathlib import Path

import pytest

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
    lists = lists_of(
        tmp_path, {"own.csv": HEADER + "asthma,icd10,j45.9,exact,Asthma,Our team\nnew_list,icd10,Z00,prefix,Check-up,Our team\n"}
    )
    assert lists["asthma"].codes("icd10") == ("J459",)
    assert lists["asthma"].codes("snomed") == STRATA["asthma"].codes("snomed")
    assert lists["new_list"].codes("icd10") == ("Z00",)
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
        ("type_2_diabetes", "DMTYPE2AUDIT_COD", "44054006"), ("care_home", "CAREHOME_COD", "160734000"),
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
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_line_and_rule(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    with pytest.raises(CodeListError, match=fault):
        lists_of(tmp_path, files)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(HEADER.encode() + "asthma,icd10,J45,prefix,Asthme s\u00e9v\u00e8re,T\n".encode("latin-1"))
    with pytest.raises(CodeListError, match=r"own.csv: the text is not UTF-8"):
        load_code_lists(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodeListError, match="does not exist"):
        load_code_lists(tmp_path / "absent")
