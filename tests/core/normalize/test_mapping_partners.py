"""A partner's own columns, codes and dates: understood once its file is there, and nobody else's message changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hub import app, rules
from hub.core.normalize import Mapping, normalize, with_partners
from hub.core.normalize.draft import Draft
from hub.core.normalize.written import Written
from hub.core.rules import Rules
from hub.errors import Usage
from hub.ledger.keyfile import create_keys
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import Envelope
from hub.schemas.topics import Formats, Types
from hub.settings import Settings

CODES = Rules.load(rules.texts()).needs
FILE = "partners/saerom.toml"
TOML = """
version = "2026-11-22"

[row.welfare]
dates = ["DD/MM/YYYY", "YYMMDD"]
heads = ["대표자"]

[row.welfare.columns]
number = ["문서번호"]
name = ["대표자"]
birth = ["출생"]
phone = ["통신"]
at = ["작성"]
need = ["종류코드"]
urgent = ["등급"]
sex = ["성"]
consent = ["동의코드"]
local_id = ["번호"]

[row.welfare.codes]
need = { A01 = "food", "A-02" = "laundry" }
urgent = { 1 = "yes", 2 = "no" }
sex = { 1 = "M", 2 = "F" }
consent = { S = "written", V = "spoken", X = "refused" }

[row.welfare.defaults]
need = "counseling"

[words]
heating_fuel = ["온기"]

[[coding]]
system = "urn:saerom:needs"
[coding.codes]
n7 = "food"

[priorities]
P1 = "urgent"
"""
ROW = {
    "문서번호": "SR-1",
    "대표자": "박단비",
    "출생": "03/02/1947",
    "성": "2",
    "통신": "010-2345-6789",
    "종류코드": "A01",
    "등급": "2",
    "작성": "18/11/2026",
    "동의코드": "S",
    "번호": "77",
}


@pytest.fixture(scope="module")
def partners(mapping: Mapping) -> Mapping:
    return with_partners(mapping, {FILE: TOML}, CODES)


def read(mapping: Mapping, agency: str = "saerom", **cells: str) -> Any:
    held = ROW | cells
    data = {"header": list(held), "cells": list(held.values()), "row": 2, "register": "대장"}
    source = f"//agency/{agency}/test"
    return normalize(
        Envelope(
            specversion="1.0", id="m", source=source, type=Types.REFERRAL, time="2026-11-20T00:00:00Z",
            dataschema=Formats.WELFARE, data=data,
        ),
        mapping,
    )  # fmt: skip


def test_before_its_file_is_there_the_partner_is_refused(mapping: Mapping) -> None:
    refusal = read(mapping)
    assert isinstance(refusal, Refusal)
    assert {(r.path, r.code) for r in refusal.reasons} == {("성명", "column_missing")}


def test_after_that_its_row_is_understood(partners: Mapping) -> None:
    claim = read(partners)
    assert isinstance(claim, ReferralClaim)
    assert (claim.number, claim.needs, claim.at) == ("SR-1", ("food",), "2026-11-17T15:00:00.000Z")
    assert (claim.person.name, claim.person.birth.value, claim.person.sex) == ("박단비", "1947-02-03", "F")
    assert claim.person.phones == ("+821023456789",)
    assert (claim.person.local_id, claim.urgent_mark) == ("saerom:77", False)
    assert claim.consent is not None
    assert claim.consent.form == "written"
    assert claim.provenance["name"] == "대표자"


@pytest.mark.parametrize("agency", ["sangbong", "lh", "saero"])
def test_nobody_elses_row_is_read_by_it(partners: Mapping, agency: str) -> None:
    assert isinstance(read(partners, agency), Refusal)


def test_what_the_file_does_not_say_is_inherited(partners: Mapping) -> None:
    """주소 and 비고 are everybody's columns, 밑반찬 everybody's word; 번호 is this partner's own meaning."""
    claim = read(partners, 주소="진주시 평거로 88, 205동 904호", 비고="개", 종류코드="밑반찬")
    assert (claim.needs, claim.notes) == (("meal_delivery",), ("개",))
    assert claim.person.address.building == "road:평거로 88"


@pytest.mark.parametrize(
    ("cell", "needs", "repair"),
    [
        ("a02", ("laundry",), "need:partner_code"),  # codes are compared like words: no marks, no case
        ("온기", ("heating_fuel",), ""),
        ("", ("counseling",), "need:partner_default"),
    ],
)
def test_needs_by_code_by_word_and_by_default(
    partners: Mapping, cell: str, needs: tuple[str, ...], repair: str
) -> None:
    claim = read(partners, 종류코드=cell)
    assert claim.needs == needs
    assert repair in (*claim.repairs, "")


def test_a_code_nobody_knows_refuses_as_a_word_does(partners: Mapping) -> None:
    assert [r.code for r in read(partners, 종류코드="Z99").reasons] == ["unknown_need"]


@pytest.mark.parametrize(
    ("consent", "form", "flags"), [("V", "spoken", ()), ("X", "", ("consent_refused",)), ("S", "written", ())]
)
def test_a_consent_by_code(partners: Mapping, consent: str, form: str, flags: tuple[str, ...]) -> None:
    claim = read(partners, 동의코드=consent)
    assert (claim.consent.form if claim.consent else "", claim.flags) == (form, flags)


@pytest.mark.parametrize(("grade", "marked"), [("1", True), ("2", False), ("긴급", True), ("", False)])
def test_an_urgency_by_code(partners: Mapping, grade: str, *, marked: bool) -> None:
    assert read(partners, 등급=grade).urgent_mark is marked


@pytest.mark.parametrize(
    ("written", "value", "quality"),
    [
        ("3/2/1947", "1947-02-03", "exact"),
        ("470203", "1947-02-03", "short_year"),
        ("1947-02-03", "1947-02-03", "exact"),  # what the forms do not fit is read as everybody's
        ("31/02/1947", None, "impossible"),
    ],
)
def test_a_date_in_the_partners_order(partners: Mapping, written: str, value: str | None, quality: str) -> None:
    birth = read(partners, 출생=written).person.birth
    assert (birth.value, birth.quality) == (value, quality)


@pytest.mark.parametrize(
    ("inherits", "column", "year"),
    [
        ("", "대표 자", "1920"),
        ("", "대표자", "1920"),  # titles are compared without spaces and marks, as columns are
        ("", "대표자*", "1920"),
        ("", "가족", "2020"),
        ("housing", "세대주", "1920"),  # the kind's own heads stay
    ],
)
def test_a_head_of_a_household_is_no_infant(mapping: Mapping, inherits: str, column: str, year: str) -> None:
    text = f"""version = "1"
[row.welfare]
inherits = "{inherits}"
heads = ["대표 자"]
columns = {{ number = ["문서번호"], name = ["대표 자", "가족", "세대주"], birth = ["출생"], need = ["종류코드"] }}
"""
    held = {"문서번호": "SR-1", column: "박단비", "출생": "200315", "종류코드": "식품"}
    envelope = Envelope(
        specversion="1.0", id="m", source="//agency/saerom/test", type=Types.REFERRAL, time="2026-11-20T00:00:00Z",
        dataschema=Formats.WELFARE, data={"header": list(held), "cells": list(held.values()), "row": 2},
    )  # fmt: skip
    claim = normalize(envelope, with_partners(mapping, {FILE: text}, CODES))
    assert isinstance(claim, ReferralClaim)
    assert claim.person.birth.value == f"{year}-03-15"


@pytest.mark.parametrize(
    ("form", "cell", "read_as"),
    [
        ("DDMMYYYY", "11112026", "2026-11-11"),
        ("DDMMYYYY", "1112026", "1112026"),  # the eleventh of January, or the first of November
        ("D.M.YYYY", None, None),
        ("DD.MM.YYYY", "1.11.2026", "2026-11-01"),
    ],
)
def test_a_date_with_nothing_between_has_two_digits_each(form: str, cell: str | None, read_as: str | None) -> None:
    if cell is None:
        with pytest.raises(ValueError, match="no date form"):
            Written.of({}, {}, [form], {"at"})
        return
    assert Written.of({}, {}, [form], {"at"}).cell(Draft(), "at", cell) == read_as


@pytest.mark.parametrize(
    ("cell", "form", "flags"), [(True, "written", ()), (False, "", ("consent_refused",)), (None, "", ())]
)
def test_a_truth_value_of_a_database_is_understood(
    mapping: Mapping, cell: object, form: str, flags: tuple[str, ...]
) -> None:
    after = {"의뢰번호": "SB-90", "성명": "한가람", "욕구": "식품", "접수일자": "2026-11-18", "동의여부": cell}
    data = {"rows": "welfare", "op": "u", "source": {"table": "referral"}, "after": after}
    envelope = Envelope(
        specversion="1.0", id="m", source="//agency/saerom/test", type=Types.REFERRAL, time="2026-11-20T00:00:00Z",
        dataschema=Formats.CHANGE, data=data,
    )  # fmt: skip
    claim = normalize(envelope, mapping)
    assert isinstance(claim, ReferralClaim)
    assert (claim.consent.form if claim.consent else "", claim.flags) == (form, flags)


def test_a_kind_may_be_inherited_from_another_or_from_none(mapping: Mapping) -> None:
    housing = with_partners(mapping, {FILE: 'version = "1"\n[row.welfare]\ninherits = "housing"'}, CODES).of("saerom")
    assert housing.sheets["welfare"].default_need == "rent_arrears"
    text = 'version = "1"\n[row.welfare]\ninherits = ""\ncolumns = { number = ["no"], name = ["who"] }'
    alone = with_partners(mapping, {FILE: text}, CODES).of("saerom")
    assert alone.sheets["welfare"].columns == {"no": "number", "who": "name"}


def test_codes_and_priorities_of_other_formats_are_the_partners_too(partners: Mapping) -> None:
    own = partners.of("saerom")
    assert own.codings["urn:saerom:needs", "n7"] == "food"
    assert own.priorities["P1"] == "urgent"
    assert ("urn:saerom:needs", "n7") not in partners.codings


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'A01 = "food"',
            'A01 = "bread"',
            r"\[row.welfare.codes.need\]: 'bread' is no need code. Use codes of needs.csv.",
        ),
        ('2 = "F"', '2 = "W"', r"\[row.welfare.codes.sex\]: 'W' is no sex. Use F, M."),
        ("sex = { 1", "phone = { 1", r"\[row.welfare.codes.phone\]: phone is not written in codes."),
        ('need = "counseling"', 'consent = "written"', r"\[row.welfare.defaults\]: consent has no default."),
        ('"DD/MM/YYYY"', '"DD/MM"', r"\[row.welfare.dates\]: 'DD/MM' is no date form."),
        ("[row.welfare]\n", "[row.wellfare]\n", r"\[row.wellfare\]: no such rows are sent"),
        ('dates = ["', 'inherits = "food"\ndates = ["', r"\[row.welfare\]: inherits 'food'"),
        ('birth = ["출생"]', 'born = ["출생"]', r"\[row.welfare.columns\]: unknown fields \['born'\]. Fields are"),
        ('birth = ["출생"]', 'birth = ["통신"]', "the column '통신' is birth and phone. Remove one"),
        ('dates = ["', 'inherits = ""\ndates = ["', None),
        ("heating_fuel", "heat", r"\[words\]: 'heat' is no need code"),
        ('n7 = "food"', 'n7 = "bread"', r"\[coding urn:saerom:needs\]: 'bread'"),
        ("[priorities]", "[prioritys]", "prioritys"),
        ('version = "2026-11-22"', "", "version"),
        ("[words]", "[words", "partners/saerom.toml: "),
    ],
)
def test_a_file_that_is_wrong_says_where_and_what_to_do(mapping: Mapping, old: str, new: str, said: str | None) -> None:
    assert old in TOML
    text = TOML.replace(old, new, 1)
    if said is None:  # nothing inherited, and nothing missing
        assert with_partners(mapping, {FILE: text}, CODES).of("saerom")
        return
    with pytest.raises(Usage, match=said) as told:
        with_partners(mapping, {FILE: text}, CODES)
    assert told.value.what.startswith(FILE)
    assert told.value.remedy


@pytest.mark.parametrize("name", ["partners/Saerom.toml", "partners/새롬.toml", "partners/a/b.toml"])
def test_a_file_is_called_like_its_agency(mapping: Mapping, name: str) -> None:
    with pytest.raises(Usage, match="no agency can have this code"):
        with_partners(mapping, {name: TOML}, CODES)


# ------------------------------------------------------------------ an installation's own files
def test_a_partners_file_moves_the_digest_of_the_mapping_and_no_other() -> None:
    files = rules.texts()
    before, after = Rules.load(files).digests, Rules.load(files | {FILE: TOML}).digests
    other = Rules.load(files | {FILE: TOML + "\n"}).digests
    assert len({before["mapping"], after["mapping"], other["mapping"]}) == 3
    assert {k: v for k, v in before.items() if k != "mapping"} == {k: v for k, v in after.items() if k != "mapping"}


def test_an_installation_reads_the_files_of_its_own_folder(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings(), state_dir=tmp_path)
    create_keys(settings.keys_file)
    before = app.policy(settings)
    settings.mapping_dir.mkdir()
    (settings.mapping_dir / "saerom.toml").write_text(TOML, encoding="utf-8")
    after = app.policy(settings)
    assert isinstance(read(before.mapping), Refusal)
    assert isinstance(read(after.mapping), ReferralClaim)
    assert before.rules.digests["mapping"] != after.rules.digests["mapping"]


def test_the_example_of_the_documents_is_a_file_that_loads(mapping: Mapping) -> None:
    page = (Path(__file__).parents[3] / "docs/mapping.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    own = with_partners(mapping, {FILE: example}, CODES).of("saerom")
    assert own.sheets["welfare"].columns["문서번호"] == "number"
    assert own.codings["urn:example:needs", "n7"] == "food"
