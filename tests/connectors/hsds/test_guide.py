"""docs/hsds.md and its Korean twin say what the code does: configurations are read, tables hold what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors import configuring
from connectors.hsds import HsdsConnector
from connectors.hsds.config import HsdsConfig
from connectors.hsds.report import Look
from hub.core.decide import listing
from hub.core.normalize import hsds

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / name for name in ("hsds.md", "hsds.ko.md")]
FLAG = re.compile(r'flag\("(\w+)"\)|\("(goes_back)",\)')


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def firsts(page: Path, header: str) -> list[str]:
    """Names in the first column of the table that begins so."""
    table = text(page).split(f"| {header} |")[1].split("\n\n")[0]
    return re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:]))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_its_configurations_are_read(page: Path, tmp_path: Path) -> None:
    whole, api = re.findall(r"```toml\n(.*?)```", text(page), re.DOTALL)
    for name in ("token", "directory-token"):
        (tmp_path / name).write_text("secret", encoding="utf-8")
    head = whole.split("[connector]")[0]
    for block in (whole, head + api):
        (tmp_path / "partner.toml").write_text(block, encoding="utf-8")
        configured = configuring.read(tmp_path / "partner.toml")
        assert configured.connector is HsdsConnector


@pytest.mark.parametrize(("page", "header"), [(PAGES[0], "flag"), (PAGES[1], "표시")], ids=["en", "ko"])
def test_it_names_every_flag_there_is(page: Path, header: str) -> None:
    code = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (hsds, listing))
    flags = {one or other for one, other in FLAG.findall(code)}
    assert set(firsts(page, header)) == flags


@pytest.mark.parametrize(("page", "header"), [(PAGES[0], "field"), (PAGES[1], "칸")], ids=["en", "ko"])
def test_it_names_every_field(page: Path, header: str) -> None:
    told = {name.removesuffix("_file") for name in firsts(page, header)}
    assert told == set(HsdsConfig.model_fields)


@pytest.mark.parametrize(("page", "header"), [(PAGES[0], "member"), (PAGES[1], "항목")], ids=["en", "ko"])
def test_it_names_what_the_report_holds(page: Path, header: str) -> None:
    assert set(firsts(page, header)) == {*Look.__struct_fields__, "hub", "listings"} - {"at"}
