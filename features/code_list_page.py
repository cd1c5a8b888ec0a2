"""Write docs/code-lists.md from the index of the code lists: `python -m features.code_list_page`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from features.catalogue import Catalogue, build_catalogue
from features.code_halves import CodeList, Half
from features.code_list_files import CHANGES, INDEX, OWN_FOLDER, RENUMBERED, read_rows
from features.code_lists import load_code_lists
from features.registers import REGISTERS

FILE = Path(__file__).parents[1] / "docs" / "code-lists.md"
NOT_STATED = "not stated"
SYSTEM_NAMES = {
    "icd10": "ICD-10",
    "snomed": "SNOMED CT",
    "dmd": "dm+d",
    "department_type": "ECDS department type",
    "treatment_function": "treatment function",
}
HEAD = f"""# Code lists

`make docs` writes this page from `features/codelists/{INDEX}`: do not edit it. Strata ships identifiers with its own labels. The names of
SNOMED CT concepts are licensed and come from your terminology. This page and the lists contain public sector information licensed under the
Open Government Licence v3.0. They include SNOMED Clinical Terms (SNOMED CT), used by permission of SNOMED International.

* **A list has a half for each terminology**: `features/codelists/<system>/<list>.csv`. ICD-10 codes are the start of codes, and SNOMED CT and
  dm+d codes are exact. Optional columns are `label`, `match`, `points` and `group`.
* **A half may include others.** `stroke_tia` includes `stroke` and `transient_ischaemic_attack`. If a team replaces `stroke`, both change.
* **Codes that are not the thing itself are removed.** `{CHANGES}` has every code that was removed from a source or added to it, with the reason.
* **A short list finds few people.** Where no public list was found, the note of a half asks for the team's own.
* **A list that matches no one is not 0.** If at least 10 people are expected by the published prevalence, its features are null. Without one,
  Strata expects a floor, and the list must match in no feed: 0.1% to 5% of people for common measurements, contacts, medicines, hospital
  diagnoses and departments, otherwise 1 in 10,000 (`features/prevalence.py`). The monitoring page compares the people matched with those expected.
* **A list of resolved codes that matches no one** leaves features null where 10 people would have such a code. That is 1 in 100 of the people with a
  condition that often ends, such as asthma, otherwise 1 in 1,000. The features are `<condition>_current`, `<condition>_new_365d`, `<condition>_years`
  and what is computed from them, such as the number of conditions.

## Your own lists

Set `study.code_lists` to a folder. A half in it replaces Strata's half of the same list and terminology, and the other half stays. Strata
refuses a file that it cannot use, with file, line and rule.

| what you have | what to do |
|---|---|
| a file with a list and system on every line | Put it in the folder. Its columns are `list,system,code,match,description,source`, and `points` for a score |
| an OpenCodelists CSV | Put it in the folder and add a row to its `{INDEX}`: list, system, file. The codes are in the column `code`, `id`, `snomedcode` or `dmd_id` |
| a QOF cluster file (primary care domain reference sets, tab-separated) | The same, with the name of the cluster in the column `cluster`. The list `*` replaces every list whose cluster is in the file: such a list then has the codes of its cluster alone. Letter case is no part of a cluster's name |
| a reference set (RF2, simple) | The same, with the identifier of the reference set in the column `cluster`. Of a full file, the row of the latest `effectiveTime` of each member counts |
| a dm+d map | The list `medicines` of the system `dmd`. The columns of its file are `product,moiety,moiety_name` and, where you have them, `previous` and `form` |

Every file whose name ends in .csv, .tsv or .txt is read, also in folders below. Strata refuses other files, except those in Markdown, hidden files, readmes
and licences. It refuses a row `*` that replaces no list, and a code in the lists of two measurements.

Columns may be separated by commas, semicolons or tabs, and their names may have any letter case. Blank lines, blanks around a value and a byte order mark are
skipped. A code may have its term: `73211009 |Diabetes mellitus|`.

**Inactive and excluded codes are skipped.** A column `active`, `included` or `status` says whether a row counts: `1`, `true`, `yes`, `active`, `current`,
`+` and `(+)` do, `0`, `false`, `no`, `inactive`, `retired`, `-` and `(-)` do not, in any letter case. A column `inactive`, `excluded`, `invalid` or `retired`
says the reverse, and may be empty. Any other value, such as `?`, is refused. A dm+d map keeps products with `invalid`, because old items have their codes.

**A new name needs a yes.** A name that is not in the table below and that nothing reads is often misspelt. Strata refuses it. A list is read by a
feature, by the `includes` of another list, or as `<condition>_resolved`. For a list of your own, write `yes` in the column `new` of its row in
`{INDEX}` or of one of its lines. `monitoring__code_lists` then has the people whom it matches, and `includes` can name it.

**A spreadsheet damages long codes.** It keeps 15 digits of a number. Strata checks the check digit and the form of each code and refuses the file: export
the codes again as text.

`{INDEX}` of your folder needs the columns `list,system,file`. The columns `cluster`, `label`, `includes`, `source`, `version`, `date`, `licence`, `note`
and `new` are optional.

```text
list,system,file,cluster,source,version,date,licence
*,snomed,20250627_PCD_Refset_Content.txt,,Primary care domain reference sets,48.1,2025-06-27,OGL-3.0
hypothyroidism,snomed,hypothyroidism.csv,,OpenCodelists,4a1b,2025-03-01,our own
medicines,dmd,dmd_map.csv,,dm+d,2026.1.0,2026-01-12,OGL-3.0
```

## Medicines

* **Lists age.** The medicine lists are of dm+d 37.1.0 (October 2023), with the codes of 2025 that have the same name. dm+d renumbers products: of the
  ACE inhibitor items dispensed in 2025, the codes of 2023 alone match 0.3%.
* **Renumbered products are followed.** `{RENUMBERED}` has 1,962 pairs of products of 2023 and 2025 with the same name. A team's own list gets both.
* **Your own share.** `monitoring__code_lists` and the monitoring page show the share of your medicine items that each list touches.
* **A dm+d map follows new codes.** The map has one row for each VMP and AMP. A product is on a list if its moiety (VTM) or its previous code
  (`VPIDPREV`) is. A moiety on a list covers every form of a medicine, so a list of tablets that has a moiety also covers gels.
* **A moiety that is not on a list** is followed for new products, which are those that no list and not `medicines` has. They are on the list if every
  known product of their moiety is on it, and if at least as many are known as are new. Tablets and eye drops of one moiety differ, so a list of
  tablets does not get its new products. With the column `form` (form and route of dm+d, such as `tablet.oral`) the rule then applies to each form.
* **Undecided products** are new ones that this rule adds to no list, although a product of their moiety is on one. Their form is not known to be off it.
  The run shows their number. `python -m features.undecided_products FOLDER` writes them. Add the column `form` to the map, or add the product
  to your own half of the list. Until then, features do not count them.
* **Different medicines** are different substances. `medicines` has the substance of each product, shortened from its name. A brand whose generic name
  is not known counts as a substance. The map replaces both.

## Conditions that end

`<condition>_resolved` has the codes that end a condition. A condition with such a list has two features. `<condition>_ever` is for audits.
`<condition>_current` is 1 if the latest diagnosis is later than the latest resolved code. Models, the number of conditions and overdue checks use it.
Where it is 0, `<condition>_new_365d` is 0 and `<condition>_years` is null.
A team's own list of resolved codes, such as `stroke_tia_resolved`, adds the feature. Without a list, a recorded condition is current."""


def code_list_page(catalogue: Catalogue) -> str:
    """Return the page as Markdown: how lists work, then a table of every half."""
    halves = [half for name in sorted(catalogue.code_lists) for half in catalogue.code_lists[name].halves]
    read = {reference.partition("/")[0] for concept in catalogue.concepts.values() for reference in concept.code_lists}
    changed = _changes()
    lines = [
        HEAD, "", *_registers(catalogue), "", "## Every list", "",
        f"{len(catalogue.code_lists)} lists. A list in bold is read by a feature. *Codes* includes those of included lists, without the codes removed (−) "
        "and with those added (+).",
        "", "| list | what it is | terminology | codes | includes | source | version | date | licence | note |", "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        _row(half, catalogue.code_lists[half.name], half.name in read, changed.get((half.name, half.system), (0, 0)))
        for half in halves
    ]
    return "\n".join(lines) + "\n"


def _registers(catalogue: Catalogue) -> Iterator[str]:
    yield "## Registers"
    yield ""
    yield "Compare a prevalence with that of a register only at the register's ages (Quality and Outcomes Framework 2022-23). A feature counts everyone with"
    yield "the diagnosis. Some registers also ask for something else, so they count fewer people. The share of OST is therefore the least that is expected."
    yield from ("", "| register | feature | least age | also needed | share in England |", "|---|---|---|---|---|")
    for register in REGISTERS:
        least = "at least " if register.is_least else ""
        yield (
            f"| {register.code} | `{register.feature(catalogue.code_lists)}` | {register.least_age or 'any age'} | {register.also} "
            f"| {least}{register.expected_share:.1%} |"
        )


def _changes() -> dict[tuple[str, str], tuple[int, int]]:
    """Return the numbers of codes removed from and added to each half."""
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for _, row in read_rows(OWN_FOLDER / CHANGES, ("list", "system", "change")):
        removed, added = counts.get((row["list"], row["system"]), (0, 0))
        counts[row["list"], row["system"]] = (removed + (row["change"] == "removed"), added + (row["change"] == "added"))
    return counts


def _row(half: Half, code_list: CodeList, is_read: bool, changed: tuple[int, int]) -> str:
    name = f"**`{half.name}`**" if is_read else f"`{half.name}`"
    counts = f"{len(code_list.codes(half.system)):,}{''.join(_signed(changed))}"
    included = ", ".join(f"`{one}`" for one in half.includes)
    facts = (half.source, half.version or NOT_STATED, half.date or NOT_STATED, half.licence, half.note)
    cells = (name, half.label, SYSTEM_NAMES[half.system], counts, included, *facts)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _signed(changed: Iterable[int]) -> Iterator[str]:
    yield from (f" ({sign}{number})" for sign, number in zip("−+", changed, strict=True) if number)


if __name__ == "__main__":
    FILE.write_text(code_list_page(build_catalogue(load_code_lists(), 2025)), encoding="utf-8")
