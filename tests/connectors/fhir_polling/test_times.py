"""Times as servers write them: none may end the connector, for the same one would meet it after each restart."""

from __future__ import annotations

import httpx
import pytest

from connectors.fhir.config import FhirConfig
from connectors.fhir.looking import _limit
from connectors.fhir.searching import earlier, instant
from connectors.fhir.server import Away, Server

IMPOSSIBLE = [
    "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
    "Sun, 06 Nov 2026 08:49:37 +99999999999999999999",
    "yesterday",
    "",
]


def server(**headers: str) -> Server:
    status = 429 if "Retry-After" in headers else 200
    told = {"content-type": "application/fhir+json", **headers}
    answer = httpx.Response(status, stream=httpx.ByteStream(b"{}"), headers=told)
    return Server(FhirConfig(url="https://fhir.example.kr"), httpx.MockTransport(lambda _: answer))


@pytest.mark.parametrize("date", IMPOSSIBLE)
async def test_a_date_that_no_calendar_holds_is_none(date: str) -> None:
    asked = server(Date=date)
    assert (await asked.get("metadata")).date == ""
    await asked.close()


@pytest.mark.parametrize("until", IMPOSSIBLE)
async def test_a_pause_until_such_a_date_is_none(until: str) -> None:
    asked = server(**{"Retry-After": until, "Date": "Sun, 22 Nov 2026 08:49:37 GMT"})
    with pytest.raises(Away) as away:
        await asked.get("metadata")
    assert away.value.wait_s == 0
    await asked.close()


def test_the_ends_of_the_calendar_are_times_too() -> None:
    assert _limit("9999-12-31T23:59:59+00:00") == "~"
    assert earlier("0001-01-01T00:00:00.000Z", 60) == ""
    assert instant("0001-01-01T00:00:00+09:00") == ""
