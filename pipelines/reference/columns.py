"""Patterns of the headers of public reference files.

The letters and digits of a header, in lower case, are compared with these patterns. They match the headers of File 7, the short headers of
derived tables, and a header that is cut off in the file (`...10% of LSO`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Patterns = Mapping[str, str]  # Strata's name -> pattern of the complete squeezed header

LSOA = {2011: r"lsoa11(cd|code)|lsoacode2011|lsoa2011code", 2021: r"lsoa21(cd|code)|lsoacode2021|lsoa2021code"}
ANY_LSOA = "|".join([*LSOA.values(), "lsoacode", "areacode"])

_DOMAINS = {
    "income": "income",
    "employment": "employment",
    "education": "education(skillsandtraining)?",
    "health": "health(deprivationanddisability)?",
    "crime": "crime",
    "housing": "(barrierstohousingandservices|housingandservices|housingandaccess|housing)",
    "environment": "(livingenvironment|environment)",
}
DOMAINS = tuple(_DOMAINS)
_IMD = r"(indexofmultipledeprivation)?imd(20\d\d)?"
DEPRIVATION: Patterns = {
    "imd_score": rf"{_IMD}score",
    "imd_rank": rf"{_IMD}rank(where.*)?",
    "imd_decile": rf"{_IMD}decile(where.*)?",
    **{f"{domain}_rank": rf"{pattern}rank(where.*)?" for domain, pattern in _DOMAINS.items()},
    **{f"{domain}_decile": rf"{pattern}decile(where.*)?" for domain, pattern in _DOMAINS.items()},
    "idaci_score": r"(incomedeprivationaffectingchildrenindex)?idaciscore(rate)?",
    "idaopi_score": r"(incomedeprivationaffectingolderpeople(index)?)?idaopiscore(rate)?",
    "population": r"totalpopulationmid20\d\d(excludingprisoners)?",
    "local_authority_code": r"localauthoritydistrictcode20\d\d",
    "local_authority_name": r"localauthoritydistrictname20\d\d",
}
CHANGES: Patterns = {
    "lsoa11_code": LSOA[2011],
    "lsoa21_code": LSOA[2021],
    "change_code": "chgind|changecode|changeindicator",
    "local_authority_code": r"lad\d\dcd|ltla\d\dcode",
    "local_authority_name": r"lad\d\dnm|ltla\d\dname",
}
PLACES: Patterns = {
    "sub_icb_code": r"sicbl\d\dcdh|sicbl\d\dcode(nhs|h)|subicbcode|subicbodscode",
    "icb_code": r"icb\d\dcdh|icb\d\dcode(nhs|h)|icbcode|icbodscode",
    "icb_name": r"icb\d\dnm|icb\d\dname|icbname",
    "local_authority_code": r"lad\d\dcd|ltla\d\dcode|localauthoritycode",
    "local_authority_name": r"lad\d\dnm|ltla\d\dname|localauthorityname",
}
RURAL_URBAN: Patterns = {
    "rural_urban": r"ruc\d\dnm|classification|ruralurban(name)?|ruc\d\dname",
    "is_rural": r"urbanruralflag|ruc|isrural|ruc\d\durbanrural",
}
POPULATION: Patterns = {"population": r"totalpopulation|population|totalresidents|total|allages|totalpopulationmid20\d\d.*"}
ETHNICITY: Patterns = {
    "ethnic_group": "ethnicgroup(s|name)?",
    "people": "n|people|observation|count",
    "residents": "totalresidents|total",
}
HIERARCHY: Patterns = {
    "practice_code": "practicecode",
    "practice_name": "practicename",
    "pcn_code": "pcnodscode|pcncode",
    "pcn_name": "pcnname",
    "sub_icb_code": "subicbodscode|subicbcode|subicblocationcode",
    "sub_icb_name": "subicbname|subicblocationname",
    "icb_code": "icbodscode|icbcode",
    "icb_name": "icbname",
    "region_code": "regionodscode|regioncode",
    "region_name": "regionname",
}
ORGANISATIONS: Patterns = {
    "code": r"code|organisationcode|odscode|nhstrust\d\dcode|providercode|trustcode",
    "role": "role|rolename",
    "name": r"name|organisationname|nhstrust\d\dname|providername|trustname",
    "valid_from": "validfrom|startdate|opendate",
    "valid_to": "validto|enddate|closedate",
}
RELATIONS: Patterns = {
    "child_code": "childcode",
    "parent_code": "parentcode",
    "relation": "relation",
    "valid_from": "validfrom",
    "valid_to": "validto",
}
SUCCESSION: Patterns = {
    "from_code": "fromcode",
    "to_code": "tocode",
    "kind": "kind",
    "share": "share",
    "effective_date": "effectivedate",
}
LIST_SIZES: Patterns = {
    "practice_code": "practicecode|orgcode|code",
    "people": "numberofpatients|listsize|population",
    "sex": "sex",
    "extract_date": "extractdate",
}


def find_columns(header: Iterable[str], patterns: Patterns, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the file's header for each of Strata's names that it has; `settings` take precedence over the patterns.

    If several headers match, the first in the file is used.
    """
    headers = list(header)
    header_by_name = {name: column for name, column in (settings or {}).items() if column in headers}
    for name, pattern in patterns.items():
        matching = [column for column in headers if re.fullmatch(pattern, squeezed(column))]
        if name not in header_by_name and matching:
            header_by_name[name] = matching[0]
    return header_by_name


def squeezed(header: str) -> str:
    """Return a header's letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", header.lower())
