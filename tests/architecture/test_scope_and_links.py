"""Whoever shows data to a person asks with his Scope; whatever a page of ours names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
Function = ast.FunctionDef | ast.AsyncFunctionDef

WITHOUT_SCOPE = {
    "security.store.end_sessions_of": "ends sessions, shows nothing; the user was found by Scope before",
    "security.store.set_password": "writes a hash, shows nothing; the user was found by Scope before",
    "sites.store.people.realm_of": "one word for digests, of the caller's own tenant",
    "sites.store.published.compiled_all": "what a draft may refer to, of the caller's own tenant; only its problems are shown",
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, ast.Module]:
    return {module_of(path): ast.parse(path.read_text("utf-8")) for path in sorted((SOURCE / "yitong").rglob("*.py"))}


def queries(parsed: dict[str, ast.Module]) -> dict[str, Function]:
    """Every function of a domain's store, by its whole name."""
    stores = {name: tree for name, tree in parsed.items() if name.startswith("yitong.domains.") and "store" in name.split(".")}
    return {f"{name}.{node.name}": node for name, tree in stores.items() for node in tree.body if isinstance(node, Function)}


def names_in(tree: ast.Module) -> dict[str, str]:
    """What the imports of a module stand for."""
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def used(tree: ast.Module) -> Iterator[str]:
    """The whole names of what a module takes from others and uses."""
    known = names_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield f"{known[node.value.id]}.{node.attr}"
        elif isinstance(node, ast.Name) and node.id in known:
            yield known[node.id]


def takes_scope(function: Function) -> bool:
    given = [*function.args.args, *function.args.kwonlyargs]
    return any(isinstance(one.annotation, ast.Name) and one.annotation.id == "Scope" for one in given)


def test_every_query_that_shows_data_to_a_person_takes_a_scope() -> None:
    parsed = modules()
    stores = queries(parsed)
    doors = [tree for name, tree in parsed.items() if name.startswith("yitong.web.") or "api" in name.split(".")]
    asked = {name for tree in doors for name in used(tree) if name in stores}
    assert len(asked) > 20, "the way routes ask their stores changed; this test must follow"
    open_ones = {name.removeprefix("yitong.domains.") for name in asked if not takes_scope(stores[name])}
    assert open_ones == set(WITHOUT_SCOPE)


PAGES = [path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md"))]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_a_page_links_to_is_there(page: str) -> None:
    here = ROOT / page
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", here.read_text("utf-8"))
    gone = [link for link in links if "://" not in link and not (here.parent / link).exists()]
    assert gone == []
