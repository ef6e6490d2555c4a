"""An agency that joins while the only consumer restarts within its session is heard all the same."""

from __future__ import annotations

from pathlib import Path

from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import inbound
from tests.flow.people import referral, town

#: A hub that looks for them every two seconds, not every ten.
EAGER = """
import sys
from hub import app
from hub.consumers import newcomers
newcomers.EVERY = 2
sys.exit(app.main(sys.argv[1:]))
"""
NEW = AgencyClaim("latecomer", "welfare_center", "나중에 온 복지관", ("welfare",), "consent")


def test_a_topic_made_while_the_consumer_restarts_is_consumed(tmp_path: Path) -> None:
    with town(tmp_path / "site") as site:  # registers agencies, starts a consumer and stops it: its session goes on
        site.register([NEW])
        site.program = ("-c", EAGER)
        site.start("consumer 0")
        site.publish(inbound("latecomer"), [referral("latecomer", 1)])
        heard = "SELECT count(*) FROM messages m JOIN partitions p ON p.id = m.partition_id WHERE p.topic = %s"
        site.until(lambda: site.one(heard, inbound("latecomer")) == 1, 60, "the latecomer is heard")
