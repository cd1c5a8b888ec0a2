"""Write the data contract of each published table (Open Data Contract Standard 3.1) from its declaration and its terms.

Run `python -m expectations.data_contracts`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from expectations.catalogue import TABLES
from expectations.contract_terms import CONTRACTS, ContractTerms
from expectations.table import Column, Kind, Table

FOLDER = Path(__file__).parent.parent / "docs" / "contracts"
STANDARD = "v3.1.0"
Contract = dict[str, Any]
_LOGICAL = {
    Kind.IDENTIFIER: "string", Kind.CODE: "string", Kind.TEXT: "string", Kind.DATE: "date", Kind.INTEGER: "integer",
    Kind.NUMBER: "number", Kind.BOOLEAN: "boolean",
}  # fmt: skip


def data_contract(table: Table, terms: ContractTerms) -> Contract:
    """Return the contract of a table in the structure of the standard."""
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"strata.{table.name}",
        "name": table.name,
        "version": terms.version,
        "status": "active",
        "domain": "population health management",
        "dataProduct": "strata",
        "description": {"purpose": terms.purpose, "usage": terms.usage, "limitations": terms.limitations},
        "servers": [{"server": "lake", "type": "local", "path": f"lake/{table.name}", "format": "delta"}],
        "schema": [
            {
                "name": table.name,
                "physicalName": table.name,
                "physicalType": "table",
                "logicalType": "object",
                "description": table.description,
                "dataGranularityDescription": f"One row per {', '.join(table.key)}.",
                "properties": [_property(column, table, terms) for column in table.columns],
            }
        ],
        "team": {"name": terms.owner_role, "description": "The role that is responsible for the table."},
        "roles": [{"role": role, "access": "read"} for role in terms.readers],
        "slaProperties": [
            {"property": "frequency", "value": terms.updated, "element": table.name},
            {"property": "latency", "value": terms.fresh_days, "unit": "d", "element": table.name},
        ],
    }


def _property(column: Column, table: Table, terms: ContractTerms) -> Contract:
    entry: Contract = {
        "name": column.name,
        "logicalType": _LOGICAL[column.kind],
        "physicalType": column.arrow_type,
        "required": not column.nullable,
        "description": column.description,
        "classification": "confidential" if terms.personal else "internal",
    }
    if column.name in table.key:
        entry |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.name in table.partitioned_by:
        entry |= {"partitioned": True, "partitionKeyPosition": table.partitioned_by.index(column.name) + 1}
    bounds = {"minimum": column.minimum, "maximum": column.maximum, "pattern": column.pattern or None}
    if options := {name: bound for name, bound in bounds.items() if bound is not None}:
        entry["logicalTypeOptions"] = options
    if column.allowed:
        entry["quality"] = [
            {"type": "library", "metric": "invalidValues", "arguments": {"validValues": list(column.allowed)}, "mustBe": 0}
        ]
    if column.unit:
        entry["customProperties"] = [{"property": "unit", "value": column.unit}]
    return entry


def breaking_changes(before: Contract, after: Contract) -> list[str]:
    """Return the changes between two contracts that break the code of a reader."""
    old, new = (_properties(contract) for contract in (before, after))
    return [
        *(f"{name} was removed" for name in old if name not in new),
        *(change for name in old if name in new for change in _column_changes(name, old[name], new[name])),
    ]


def _column_changes(name: str, old: Contract, new: Contract) -> Iterator[str]:
    for term in ("logicalType", "physicalType", "primaryKeyPosition", "customProperties"):
        if old.get(term) != new.get(term):
            yield f"{name}: {term} was {old.get(term)} and is {new.get(term)}"
    if old["required"] and not new["required"]:
        yield f"{name} may now be null"
    more = set(_allowed(new)) - set(_allowed(old))
    if _allowed(old) and (more or not _allowed(new)):
        yield f"{name} may now have {', '.join(sorted(more)) or 'any value'}"


def version_problem(before: Contract, after: Contract) -> str:
    """Return why the version of a changed contract is too low; '' where it is high enough."""
    if before == after:
        return ""
    was, now = (tuple(int(part) for part in str(contract["version"]).split(".")) for contract in (before, after))
    if broken := breaking_changes(before, after):
        return "" if now[0] > was[0] else f"changes break the code of readers: {', '.join(broken)}. Set version {was[0] + 1}.0.0"
    columns_differ = _properties(before) != _properties(after)
    required = f"{was[0]}.{was[1] + 1}.0" if columns_differ else f"{was[0]}.{was[1]}.{was[2] + 1}"
    enough = now[:2] > was[:2] if columns_differ else now > was
    return "" if enough else f"the contract changed since version {before['version']}. Set at least version {required}"


def contracts() -> dict[str, Contract]:
    """Return the contract of every published table by its name."""
    return {name: data_contract(TABLES[name], terms) for name, terms in CONTRACTS.items()}


def text_of(contract: Contract) -> str:
    """Return a contract as YAML."""
    return yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=120)


def _properties(contract: Contract) -> dict[str, Contract]:
    return {column["name"]: column for column in contract["schema"][0]["properties"]}


def _allowed(column: Contract) -> list[str]:
    return [value for check in column.get("quality", []) for value in check["arguments"]["validValues"]]


def write(folder: Path = FOLDER) -> list[str]:
    """Write the contracts whose version is high enough and return the problems of the others."""
    folder.mkdir(parents=True, exist_ok=True)
    problems = []
    for name, contract in contracts().items():
        file = folder / f"{name}.odcs.yaml"
        before = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else contract
        if problem := version_problem(before, contract):
            problems.append(f"{name}: {problem} in expectations/contract_terms.py.")
        else:
            file.write_text(text_of(contract), encoding="utf-8")
    return problems


if __name__ == "__main__":
    sys.exit("\n".join(write()) or 0)
