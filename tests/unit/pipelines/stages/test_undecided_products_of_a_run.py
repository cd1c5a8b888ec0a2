from pathlib import Path
from types import SimpleNamespace

from expectations.identifier_schemes import passes_verhoeff
from expectations.tables import core
from features.code_lists import load_code_lists
from pipelines.lake.storage import Lake
from pipelines.stages import conforming

STATIN = "134489001"
NEW = next(code for digit in "0123456789" if passes_verhoeff(code := f"100000000000110{digit}"))


def undecided_in(folder: Path, *products: str) -> int | None:
    """Return the undecided products that a run counts, of a map in which some products have one moiety."""
    (folder / "lists" / "map.csv").write_text(
        "product,moiety,moiety_name\n" + "".join(f"{code},52388000,A\n" for code in products)
    )
    context = SimpleNamespace(lake=Lake(folder / "lake"), outside=SimpleNamespace(code_lists=folder / "lists"))
    return conforming.write_code_list_use.work(context).facts.get("undecided products of the dm+d map")  # type: ignore[arg-type]


def test_a_run_counts_the_undecided_products_of_a_map(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write(core.CODE, [{"code": 1, "code_system": "dmd", "source_code": STATIN}])
    lake.write(core.EVENT, [])
    lists = load_code_lists()
    off = next(
        code
        for code in lists["medicines"].codes("dmd")
        if not any(one.covers("dmd", code) for name, one in lists.items() if name != "medicines")
    )
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "index.csv").write_text("list,system,file\nmedicines,dmd,map.csv\n")
    on = sum(one.covers("dmd", STATIN) for name, one in lists.items() if name != "medicines")
    assert undecided_in(tmp_path, STATIN, NEW) is None
    assert undecided_in(tmp_path, STATIN, off, NEW) == on > 0  # one for each list that has the statin
