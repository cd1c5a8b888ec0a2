"""Words that Strata does not write, and sentences that are too long. `docs/glossary.md` decides the name of each concept."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from benchmarks.structure import sentence_lengths

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project", "benchmarks")
BANNED = re.compile(r"\b(?:told|nobody|whoever|anew|of\s+its\s+own|in\s+words)\b", re.IGNORECASE)
BANNED_NAMES = frozenset({"told", "nobody", "whoever", "anew"})
BANNED_VERBS = re.compile(r"\s*(Give|Say|Tell)\b")
LONGEST_SENTENCE = 30  # words, at the 90th percentile of a page
STORED_NAMES = frozenset({"told_open", "told_recovered"})  # columns of stored tables: a new name needs an upgrade of every lake
LISTS_OF_WORDS = frozenset({"tests/unit/test_language.py", "benchmarks/structure.py"})  # they name the words to find them
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def python_problems(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the problem of each docstring, string, comment and name of a module."""
    for node in ast.walk(ast.parse(source)):
        has_docstring = isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS))
        if has_docstring and (verb := BANNED_VERBS.match(ast.get_docstring(node) or "")):
            yield getattr(node, "lineno", 1), f"the docstring starts with '{verb[1]}'"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, f"the text has '{word}'") for word in banned_words(node.value))
        yield from ((getattr(node, "lineno", 1), f"the name '{name}'") for name in _names(node) if is_banned_name(name))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from ((token.start[0], f"the comment has '{word}'") for word in banned_words(token.string))


def banned_words(text: str) -> list[str]:
    """Return the banned words of a text, in order."""
    return [" ".join(found[0].split()) for found in BANNED.finditer(text)]


def is_banned_name(name: str) -> bool:
    """Return whether a name has a banned word between its underscores or capitals."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
    return name not in STORED_NAMES and not BANNED_NAMES.isdisjoint(parts)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
        yield node.name
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, (ast.arg, ast.keyword)):
        yield node.arg or ""
    elif isinstance(node, ast.alias):
        yield node.asname or ""


def text_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the problem of each banned word of a page, template or settings file."""
    for found in BANNED.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, f"the text has '{' '.join(found[0].split())}'"


def long_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield a problem where one sentence in ten of a page is longer than the limit."""
    lengths = sorted(sentence_lengths(text))
    if len(lengths) > 1 and (longest := quantiles(lengths, n=10)[-1]) > LONGEST_SENTENCE:
        yield 1, f"one sentence in ten has {longest:.0f} words or more; the limit is {LONGEST_SENTENCE}"


def unreleased(changelog: str) -> str:
    """Return the part of the changelog that is not released yet: history is not rewritten."""
    return re.split(r"^## \[\d", changelog, maxsplit=1, flags=re.MULTILINE)[0]


def problems_of(file: Path) -> list[str]:
    """Return every problem of a file with its line."""
    name, text = file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
    if name in LISTS_OF_WORDS:
        return []
    if name == "CHANGELOG.md":
        found = list(text_problems(unreleased(text)))
    elif file.suffix == ".py":
        found = list(python_problems(text))
    else:
        found = [*text_problems(text), *(long_sentences(text) if file.suffix == ".md" else ())]
    return [f"{name}:{line}: {problem}" for line, problem in sorted(found)]


def checked_files() -> list[Path]:
    """Return the modules, tests, pages, templates and settings files that people read."""
    folders = [ROOT / package for package in PACKAGES]
    files = [file for folder in folders for pattern in ("*.py", "*.html") for file in folder.rglob(pattern)]
    files += [*(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.yaml")]
    files += [*(ROOT / "config").glob("*.yaml"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    return sorted(files)


def test_text_and_names_follow_the_word_list() -> None:
    problems = [problem for file in checked_files() for problem in problems_of(file)]
    assert not problems, "\n".join(["rewrite the text, see docs/glossary.md for the terms:", *problems])


def glossary_rows() -> dict[str, list[list[str]]]:
    """Return the rows of the glossary by group."""
    groups = re.split(r"^## ", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    cells = {group.splitlines()[0]: re.findall(r"^\| (?!term)(.+) \|$", group, flags=re.MULTILINE) for group in groups}
    return {name: [row.split(" | ") for row in rows] for name, rows in cells.items()}


def test_the_glossary_is_sorted_and_each_term_has_one_sentence_and_a_source() -> None:
    groups = glossary_rows()
    terms = [row[0] for rows in groups.values() for row in rows]
    assert len(terms) == len(set(terms)) and 60 <= len(terms) <= 150
    for rows in groups.values():
        assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=str.lower)
        for term, meaning, source, code in rows:
            assert meaning.endswith(".") and meaning.count(". ") == 0, term
            assert source.strip() and code.strip(), term


def test_the_glossary_names_what_is_in_the_code() -> None:
    files = [*(file for file in checked_files() if file.suffix == ".py"), ROOT / "docs" / "features.md"]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    names = [name for rows in glossary_rows().values() for row in rows for name in re.findall(r"`([^`]+)`", row[3])]
    paths = [name for name in names if "/" in name]
    words = [word for name in names if "/" not in name for word in re.findall(r"[A-Za-z0-9_]+", name)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [word for word in words if word not in code] == []


def test_each_problem_of_a_module_is_found_with_its_line() -> None:
    source = (
        '"""Say what it is."""\n'
        "def told_people():  # they are made anew\n"
        '    """Return the people of  its\n    own."""\n'
        '    return f"{nobody} was Told"\n'
        "class WhoeverAsks:\n"
        '    """Gives nothing; telling is fine."""\n'
        "    told_open = 1\n"
    )
    assert sorted(python_problems(source)) == [
        (1, "the docstring starts with 'Say'"),
        (2, "the comment has 'anew'"),
        (2, "the name 'told_people'"),
        (3, "the text has 'of its own'"),
        (5, "the name 'nobody'"),
        (5, "the text has 'Told'"),
        (6, "the name 'WhoeverAsks'"),
    ]


def test_long_sentences_and_words_of_a_page_are_found() -> None:
    short, long = "A page has a short sentence.", f"A page {'has many words ' * 12}here."
    assert list(long_sentences("\n\n".join([short] * 20))) == []
    assert [line for line, _ in long_sentences("\n\n".join([long, short] * 10))] == [1]
    assert list(text_problems("# Page\n\nIt is told in\nwords.")) == [(3, "the text has 'told'"), (3, "the text has 'in words'")]


def test_released_history_is_not_checked() -> None:
    assert unreleased("## [Unreleased]\nnew\n## [1.0.0]\nIt is told.\n") == "## [Unreleased]\nnew\n"
