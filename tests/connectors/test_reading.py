"""Files as agencies drop them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.reading import Broken, read, read_fhir_folder
from hub.errors import Usage
from hub.schemas.envelope import RAW_LIMIT, Envelope, parse
from hub.schemas.topics import Formats, Types

SAMPLES = Path(__file__).parents[1] / "samples"
TOWN = SAMPLES / "jinju"
NOW = "2026-11-18T12:00:00Z"
HEADER = ["의뢰번호", "성명", "욕구", "접수일자"]
ROW = ["SB-1", "박순자", "식품", "2026-11-18"]


def events(path: Path, **options: Any) -> list[Any]:
    return list(read(path, "lh", **({"key": b"k" * 32, "now": NOW} | options)))


def good(path: Path, **options: Any) -> list[dict[str, Any]]:
    return [event for event in events(path, **options) if not isinstance(event, Broken)]


def broken(path: Path, **options: Any) -> list[Broken]:
    return [event for event in events(path, **options) if isinstance(event, Broken)]


def written(path: Path, rows: list[list[str]], codec: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(codec))
    return path


@pytest.mark.parametrize(
    ("name", "schema", "type_", "count"),
    [
        ("hospital-fhir-1.json", Formats.FHIR, Types.REFERRAL, 1),
        ("hospital-hl7v2-1.hl7", Formats.HL7, Types.REFERRAL, 1),
        ("housing-arrears.csv", Formats.HOUSING, Types.REFERRAL, 4),
        ("welfare-center-register.xlsx", Formats.WELFARE, Types.REFERRAL, 6),
        ("prosecutors-victim-support.jsonl", Formats.VICTIM, Types.REFERRAL, 2),
        ("citizen-reports.jsonl", Formats.CITIZEN, Types.SIGNAL, 2),
        ("devices.jsonl", Formats.DEVICE, Types.SIGNAL, 2),
    ],
)
def test_a_file_is_known_by_its_content(name: str, schema: str, type_: str, count: int, tmp_path: Path) -> None:
    nameless = tmp_path / "drop"
    nameless.write_bytes((TOWN / name).read_bytes())
    found = events(nameless)
    assert [(event["dataschema"], event["type"]) for event in found] == [(schema, type_)] * count


@pytest.mark.parametrize("name", sorted(path.name for path in TOWN.iterdir() if path.name != "expected.json"))
def test_what_is_read_is_a_message_the_hub_takes(name: str) -> None:
    found = good(TOWN / name)
    assert found
    assert all(isinstance(parse(orjson.dumps(event), "lh"), Envelope) for event in found)


def test_the_same_input_twice_is_the_same_event() -> None:
    first, second = (
        events(TOWN / "housing-arrears.csv"),
        events(TOWN / "housing-arrears.csv", now="2027-01-01T00:00:00Z"),
    )
    assert [event["id"] for event in first] == [event["id"] for event in second]
    assert len({event["id"] for event in first}) == len(first)


def test_another_key_makes_other_ids() -> None:
    first, second = good(TOWN / "devices.jsonl"), good(TOWN / "devices.jsonl", key=b"j" * 32)
    assert {event["id"] for event in first}.isdisjoint(event["id"] for event in second)
    assert {event["partitionkey"] for event in first}.isdisjoint(event["partitionkey"] for event in second)


def test_a_correction_stays_in_line_behind_what_it_corrects(tmp_path: Path) -> None:
    changed = written(tmp_path / "a.csv", [HEADER, ROW]), [*ROW[:2], "밑반찬", ROW[3]]
    (first,) = good(changed[0])
    (second,) = good(written(tmp_path / "a.csv", [HEADER, changed[1]]))
    assert first["id"] != second["id"]
    assert first["partitionkey"] == second["partitionkey"]


@pytest.mark.parametrize("name", sorted(path.name for path in TOWN.iterdir() if path.name != "expected.json"))
def test_no_attribute_names_anybody(name: str) -> None:
    for event in good(TOWN / name):
        shown = {key: held for key, held in event.items() if key not in {"data", "data_base64"}}
        assert not any(
            word in repr(shown) for word in ("박순자", "이말순", "6789", "1948", "480302", "GS-2026", "wm-88")
        )


@pytest.mark.parametrize("codec", ["cp949", "utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_is_read_in_its_charset(tmp_path: Path, codec: str) -> None:
    (event,) = good(written(tmp_path / "a.csv", [HEADER, ROW], codec))
    assert (event["data"]["header"], event["data"]["cells"]) == (HEADER, ROW)


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_cells_are_separated_as_programs_do(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.csv").write_text("\n".join(mark.join(row) for row in (HEADER, ROW)), "utf-8")
    (event,) = good(tmp_path / "a.csv")
    assert event["data"]["cells"] == ROW


def test_titles_above_the_header_are_skipped_and_rows_keep_their_place(tmp_path: Path) -> None:
    rows = [["의뢰대장 2026년 11월"], [], ["작성", "2026-11-18"], HEADER, ROW, ["", "", "", ""], ROW]
    found = good(written(tmp_path / "a.csv", rows))
    assert [event["data"]["row"] for event in found] == [5, 7]


@pytest.mark.parametrize(("titles", "rows"), [(29, 1), (30, 0)])
def test_a_header_stands_within_the_first_thirty_rows(tmp_path: Path, titles: int, rows: int) -> None:
    """Farther down, whatever looks like one is none: what stands above it would be lost."""
    path = written(tmp_path / "a.csv", [*[["1", "2", "3"]] * titles, HEADER, ROW])
    assert len(good(path)) == rows
    assert [item.reason for item in broken(path)] == ["no header among the first 30 rows"] * (1 - rows)


def test_a_message_larger_than_the_hub_takes_is_told_and_the_next_one_passes(tmp_path: Path) -> None:
    one = {"device": "d", "kind": "k", "reading": "x" * (RAW_LIMIT - 100)}
    (tmp_path / "a.jsonl").write_text(json.dumps(one) + "\n" + json.dumps(one | {"reading": "r"}) + "\n")
    assert [item.reason for item in broken(tmp_path / "a.jsonl")] == [f"a message is larger than {RAW_LIMIT} bytes"]
    assert [event["data"]["reading"] for event in good(tmp_path / "a.jsonl")] == ["r"]


def test_blanks_around_titles_and_cells_say_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [[f" {title} " for title in HEADER], [f"{cell}  " for cell in ROW]])
    assert [(event["data"]["header"], event["data"]["cells"]) for event in good(path)] == [(HEADER, ROW)]


def test_a_broken_row_is_told_and_the_next_one_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [",".join(HEADER), ",".join(ROW), "x" * 3_000_000, ",".join(ROW), "비고: 끝", "\udcff,a,b,c", ",".join(ROW)]
    path.write_bytes("\n".join(lines).encode("cp949", "surrogateescape"))
    assert [item.row if isinstance(item, Broken) else item["data"]["row"] for item in events(path)] == [
        2,
        3,
        4,
        5,
        6,
        7,
    ]
    assert [item.row for item in broken(path)] == [3, 5, 6]


def test_a_broken_line_of_json_is_told_and_the_next_one_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    device = '{"device":"d","kind":"k","reading":"r"}'
    path.write_text("\n".join([device, '{"device":', '{"a":1,"a":2}', "x" * 3_000_000, '{"b":1}', device, "[1]"]))
    assert [item.row for item in broken(path)] == [2, 3, 4, 5, 7]
    assert len(good(path)) == 2


def test_an_array_holds_messages_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n{"device":"d","kind":"k","reading":"r"},\n7]')
    assert [type(item) for item in events(tmp_path / "a.json")] == [dict, Broken]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"{",
        b"[",
        b'{\n"a":',
        b"PK\x03\x04nonsense",
        b"\xd0\xcf\x11\xe0nonsense",
        b"one,two\n1,2\n",
        b"\x00" * 99,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"\xff\xfe\x00",
        b'a,b,c\n"never closed,' + b"x" * 200_000,
    ],
)
def test_a_file_that_is_nothing_is_told_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "drop").write_bytes(content)
    assert [type(item) for item in events(tmp_path / "drop")] == [Broken]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert [type(item) for item in events(tmp_path / "absent")] == [Broken]


def test_an_unknown_format_is_a_wrong_question(tmp_path: Path) -> None:
    with pytest.raises(Usage):
        events(tmp_path / "absent", fmt="telepathy")


def test_a_format_that_is_named_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [HEADER, ROW])
    assert [event["dataschema"] for event in good(path, fmt="housing")] == [Formats.HOUSING]


def book(path: Path, rows: list[list[Any]], merged: str = "") -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if merged:
        sheet.merge_cells(merged)
    workbook.create_sheet("codes").sheet_state = "hidden"
    workbook.save(path)
    return path


def test_cells_of_a_workbook_are_text_as_people_read_it(tmp_path: Path) -> None:
    midnight = datetime(2026, 11, 18)  # noqa: DTZ001 - a workbook knows no zone
    row = ["SB-1", "박순자", 612000.0, midnight, 1023456789, 0.5, None]
    (event,) = good(book(tmp_path / "a.xlsx", [[*HEADER, "연락처", "비율", "비고"], row]))
    assert event["data"]["cells"] == ["SB-1", "박순자", "612000", "2026-11-18", "1023456789", "0.5", ""]


def test_a_cell_merged_over_rows_holds_for_each(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["대장"], HEADER, ROW, ["SB-2", "", "식품", "2026-11-18"]], "B3:B4")
    assert [event["data"]["cells"][1] for event in good(path)] == ["박순자", "박순자"]


def test_a_zip_bomb_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (129 * 1_048_576))
    assert path.stat().st_size < 1_048_576
    assert ["unpacks to more" in item.reason for item in broken(path)] == [True]


def test_a_file_holds_several_hl7_messages(tmp_path: Path) -> None:
    one, two = ((TOWN / f"hospital-hl7v2-{n}.hl7").read_bytes() for n in (1, 2))
    path = tmp_path / "batch.hl7"
    path.write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + one + b"\r\n" + two + b"BTS|2\rFTS|1\r")
    separate = good(TOWN / "hospital-hl7v2-1.hl7") + good(TOWN / "hospital-hl7v2-2.hl7")
    assert [event["id"] for event in events(path)] == [event["id"] for event in separate]
    path.write_bytes(b"".join(b"\x0b" + message + b"\x1c\r" for message in (one, two)))
    assert [event["id"] for event in events(path)] == [event["id"] for event in separate]


def test_loose_resources_are_one_bundle_per_request() -> None:
    (event,) = read_fhir_folder([SAMPLES / "fhir-gravity"], "lh", key=b"k" * 32, now=NOW)
    assert not isinstance(event, Broken)
    urls = [entry["request"]["url"] for entry in event["data"]["entry"]]
    assert urls[0] == "ServiceRequest/SDOHCC-ServiceRequestActiveFoodPantryApplicationAssistExample"
    assert len(urls) == len(list((SAMPLES / "fhir-gravity").glob("*.json")))


def test_a_bundle_stays_in_line_behind_the_one_of_its_number(tmp_path: Path) -> None:
    """A hospital's system may give the resource another id each time."""
    keys = []
    for id_ in ("one", "two"):
        resource = {"resourceType": "ServiceRequest", "id": id_, "identifier": [{"value": "GS-1"}]}
        (tmp_path / "a.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": resource}]}))
        keys += [(event["id"], event["partitionkey"]) for event in good(tmp_path / "a.json")]
    (one, first), (two, second) = keys
    assert (one != two, first == second) == (True, True)


def test_the_order_of_loose_files_does_not_matter() -> None:
    files = sorted((SAMPLES / "fhir-gravity").glob("*.json"))
    one, two = (
        next(iter(read_fhir_folder(held, "lh", key=b"k" * 32, now=NOW))) for held in (files, list(reversed(files)))
    )
    assert one == two


def test_two_requests_of_one_patient_are_two_bundles(tmp_path: Path) -> None:
    for name in ("a", "b"):
        resource = {"resourceType": "ServiceRequest", "id": name, "subject": {"reference": "Patient/p"}}
        (tmp_path / f"{name}.json").write_text(json.dumps(resource))
    (tmp_path / "p.json").write_text('{"resourceType":"Patient","id":"p"}')
    (tmp_path / "t.json").write_text('{"resourceType":"Task","id":"t","focus":{"reference":"ServiceRequest/gone"}}')
    urls = [[entry["request"]["url"] for entry in event["data"]["entry"]] for event in good(tmp_path)]
    assert urls == [["ServiceRequest/a", "Patient/p"], ["ServiceRequest/b", "Patient/p"]]
    assert [Path(item.path).name for item in broken(tmp_path)] == ["t.json"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(path.name for path in TOWN.iterdir())), st.integers(0), st.binary(max_size=8))
def test_a_damaged_file_is_answered(tmp_path: Path, name: str, place: int, put: bytes) -> None:
    raw = (TOWN / name).read_bytes()
    at = place % len(raw)
    path = tmp_path / "damaged"
    path.write_bytes(raw[:at] + put + raw[at + len(put) :])
    for item in events(path):
        assert isinstance(item, Broken) or orjson.dumps(item)
