"""The sample town through Kafka, ledger, relay and API: what comes of it, and what housing never sees anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from hub.app import draw
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.schemas import topics
from hub.town.accounts import accounts
from tests.core.decide.test_jinju import EXPECTED, messages
from tests.flow.site import Site


class Town:
    """The site after all samples came in, with a way to ask it as an agency."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.start("consumer 0", "consumer 1", "relay")
        site.start_web()
        site.register(accounts())
        site.settle()
        for topic, event in messages():
            site.publish(topic, [event])
        site.settle()
        site.until(site.relayed, 30)
        with connect(site.settings.database_url, name="test", owner=True) as connection:
            pepper = load_keys(site.settings.keys_file).pepper
            issued = Accounts(connection, pepper)
            self.tokens = {code: issued.issue(code, draw(32)) for code in ("lh", "gyeongsang", "city", "prosecutors")}

    def get(self, agency: str, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[agency]}"}
        return httpx.get(f"http://127.0.0.1:{self.site.web_port}{path}", headers=headers, timeout=20)

    def feed(self, agency: str) -> list[dict[str, object]]:
        found, after = [], 0
        while True:
            page = self.get(agency, f"/v1/feed?after={after}&limit=500").json()
            found += page["entries"]
            if page["next"] == after or not page["entries"]:
                return found
            after = page["next"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    site = Site(tmp_path_factory.mktemp("samples"))
    try:
        yield Town(site)
    finally:
        site.close()


def test_every_sample_has_its_verdict(town: Town) -> None:
    sent = len(messages())
    rows = town.site.sql(
        "SELECT m.verdict, count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id "
        "WHERE p.topic LIKE 'hub.in.%%' GROUP BY 1"
    )
    assert dict(rows) == {"recorded": sent - 1, "refused": 1}
    assert town.site.one("SELECT count(DISTINCT person) FROM records") == len(EXPECTED["persons"])


def test_housing_never_sees_what_is_none_of_its_business(town: Town) -> None:
    outbox = town.site.read(topics.outbound("lh"))
    feed = town.feed("lh")
    assert outbox
    assert feed
    texts = [json.dumps(outbox, ensure_ascii=False), json.dumps(feed, ensure_ascii=False)]
    cases = {str(e["case"]) for e in feed if e.get("case")} | {str(c) for (c,) in town.site.sql("SELECT id FROM cases")}
    for case in sorted(cases):
        for path in (f"/v1/cases/{case}", f"/v1/cases/{case}/timeline"):
            answer = town.get("lh", path)
            assert answer.status_code in {200, 404}
            texts.append(answer.text)
    for (referral,) in town.site.sql("SELECT id FROM referrals"):
        texts.append(town.get("lh", f"/v1/referrals/{referral}").text)
    for word in EXPECTED["never_for_housing"]:
        assert all(word not in text for text in texts), word


def test_what_stays_inside_victim_support_is_the_same_404_as_nonsense(town: Town) -> None:
    nonsense = "00000000-0000-8000-8000-000000000000"
    hidden = [str(r) for (r,) in town.site.sql("SELECT id FROM referrals WHERE agency = 'prosecutors'")]
    assert len(hidden) == 4
    for agency in ("lh", "gyeongsang", "city"):
        for referral in hidden:
            answer, other = (town.get(agency, f"/v1/referrals/{i}") for i in (referral, nonsense))
            assert answer.status_code == other.status_code == 404
            assert answer.text.replace(referral, "") == other.text.replace(nonsense, "")
    assert {town.get("prosecutors", f"/v1/referrals/{r}").status_code for r in hidden} == {200}


def test_the_citys_feed_has_every_position_and_seals_what_it_may_not_know(town: Town) -> None:
    feed = town.site.read(topics.FEED)
    positions = [event["position"] for event in feed]
    assert positions == list(range(1, len(positions) + 1))
    sealed = [event for event in feed if event["data"].get("sealed")]
    assert sealed
    assert all(event["data"] == {"position": event["position"], "sealed": True} for event in sealed)
