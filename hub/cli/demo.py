"""`hub demo`: servers, hub, accounts, samples, a town, receivers who answer, and what came of it all.

Owns the order of the show. Everything goes the way it goes in earnest: samples through the API as their agencies, the
town over Kafka, answers through the API. Whatever the demo started ends with it; what ran before is left running.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import httpx
import orjson
import typer

from hub.cli import FAILED, figures, receivers, timeline
from hub.cli.accounts import Credentials, provide_missing, register_accounts
from hub.cli.installation import completed, configured, is_external, write_private
from hub.cli.output import Json, Progress, State, emit, examples, say, table
from hub.cli.processes import follow
from hub.cli.publishing import Verdicts, publish
from hub.cli.receipts import Receipt
from hub.cli.running import alive, web_url
from hub.cli.send import by_http, read_files
from hub.cli.servers import Lag, install
from hub.cli.simulate import outgoing, paced
from hub.cli.supervisor import RunningHub, start_hub
from hub.core.rules import Rules
from hub.errors import Retry
from hub.ledger.counts import Counts
from hub.rules import texts
from hub.settings import Settings
from hub.town.accounts import accounts
from hub.town.referrals import generate
from infra.local.servers import Servers

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SAMPLES: Final = (CHECKOUT.parent / "shared" / "samples" / "jinju", CHECKOUT / "tests" / "samples" / "jinju")
#: Whose files the samples are.
SENDERS: Final = {
    "gyeongsang": "hospital-fhir-*.json",
    "jeil": "*.hl7",
    "lh": "housing-arrears.csv",
    "sangbong": "welfare-center-register.xlsx",
    "prosecutors": "prosecutors-*.jsonl",
    "citizens": "citizen-reports.jsonl",
    "devices": "devices.jsonl",
}
#: The sample whose household's timeline is shown: a woman many agencies know.
TOLD: Final = "GS-2026-0001"
CITY: Final = "city"
ANSWERED: Final = 400  # offers that the receivers look at
SETTLE_S: Final = 180.0


@examples("hub demo", "hub demo --once --json", "hub demo --people 20000 --referrals 30000 --workers 2")
def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself and stop everything it started.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Spread the town over so many seconds.")] = 0.0,
    people: Annotated[int, typer.Option("--people", min=1, help="Inhabitants of the town.")] = 2000,
    referrals: Annotated[int, typer.Option("--referrals", min=0, help="Messages of the town's agencies.")] = 3000,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the town; default: another for every run.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Consumer processes.")] = 1,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Run the whole hub on this machine and show what it does, until Ctrl-C.

    Nothing is needed beforehand: PostgreSQL and Kafka are started here, without containers. The table says what was
    received and what came of it; --json prints exactly one object.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_interruptible())
        settings, hub = _start(stack, configured(state), workers)
        url = hub.web_url if hub else web_url(alive(settings.state_dir))
        show = Show(settings, url)
        show.play(people, referrals, _seed(settings, seed), seconds)
        found = show.found | {"elapsed_s": round(time.monotonic() - began, 1)}
        if as_json:
            emit(found)
        else:
            print(table(figures.rows(found)))
            print(f"\n{show.told()}")
        if not once:
            say(f"\nthe hub runs: {url} (Ctrl-C ends it; hub status, hub feed tail, hub case list look at it)")
            _stay(hub)
    if not found["verify"]["holds"]:
        raise typer.Exit(FAILED)


class Show:
    """One run of the demo, step by step."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings, self.url = settings, url
        self.ways_in: dict[str, Credentials] = {}
        self.receipts: list[Receipt] = []
        self.found: dict[str, Any] = {}

    def play(self, people: int, referrals: int, seed: int, seconds: float) -> None:
        """All acts. What was found is in `found`."""
        say("accounts …")
        self.ways_in = register_accounts(self.settings, accounts())
        self.samples()
        rate = self.town(people, referrals, seed, seconds)
        answered = self.answers()
        self.settle()
        verdict = figures.verified(self.settings)
        self.found = figures.figures(self.settings) | {
            "answered": dict(sorted(answered.items())),
            "town": {"people": people, "messages": referrals, "seed": seed, "decided_per_s": rate},
            "verify": {
                "holds": verdict.holds,
                "entries": verdict.entries,
                "checkpoints": verdict.checkpoints,
                "findings": [f.text for f in verdict.findings[:20]],
            },
            "web": self.url,
        }

    def samples(self) -> None:
        """The sample files, each sent by its agency."""
        folder = next((one for one in SAMPLES if one.is_dir()), None)
        if folder is None:
            say("no samples found; going on with the town")
            return
        for agency, pattern in SENDERS.items():
            files = sorted(folder.glob(pattern))
            events, broken = read_files(self.settings, files, agency)
            say(f"{agency}: {', '.join(f.name for f in files)} ({len(events)} messages, {len(broken)} unreadable)")
            self.receipts += by_http(self.url, self.ways_in[agency].token, events, 20.0)

    def town(self, people: int, referrals: int, seed: int, seconds: float) -> float:
        """The town's messages, over Kafka. Returns how many were decided a second."""
        began = time.monotonic()
        events = paced(generate(people, referrals, seed), referrals / seconds if seconds else 0.0)
        with Progress("town: sent", referrals) as progress:
            publish(self.settings, map(outgoing, events), progress.advance)
        with Progress("town: decided", referrals) as progress, Counts(self.settings.database_url) as counts:
            lag = Lag(self.settings, counts)
            while left := lag.messages():
                progress.reach(max(0, referrals - left))
                time.sleep(0.2)
            progress.reach(referrals)
        return round(referrals / max(time.monotonic() - began, 0.001), 1)

    def answers(self) -> dict[str, int]:
        """The receivers answer a share of the offers."""
        with Counts(self.settings.database_url) as counts:
            offers = counts.offers(ANSWERED)
        with Progress("offers looked at by receivers", len(offers)) as progress:
            return receivers.answer(self.url, self.ways_in, offers, progress.advance)

    def settle(self) -> None:
        """Wait until everything sent is decided and everything decided is published."""
        deadline, calm = time.monotonic() + SETTLE_S, 0
        with Counts(self.settings.database_url) as counts, Progress("feed published") as progress:
            lag = Lag(self.settings, counts)
            while calm < 3:  # noqa: PLR2004 - what the relay sends back (closings) is decided between two looks
                standing = counts.standing()
                progress.reach(standing.feed, standing.size)
                is_calm = standing.feed == standing.size and not lag.messages()
                calm = calm + 1 if is_calm else 0
                if time.monotonic() > deadline:
                    raise Retry(f"the feed stands at {standing.feed} of {standing.size} after {SETTLE_S:.0f} s")
                time.sleep(0.15)

    def told(self) -> str:
        """The timeline of one household, as the city's own account reads it."""
        with Verdicts(self.settings) as verdicts:
            position = next((r.position for r in self.receipts if r.what == TOLD), 0)
            posted = verdicts.reads.entries(position - 1, 1) if position else []
            names = {code: agency.name for code, agency in verdicts.reads.directory().items()}
        if not posted:
            return ""
        case = orjson.loads(posted[0].entry)["case"]
        headers = {"Authorization": f"Bearer {self.ways_in[CITY].token}"}
        answer = httpx.get(f"{self.url}/v1/cases/{case}/timeline", headers=headers, timeout=30)
        entries = answer.json()["entries"] if answer.is_success else []
        shown = timeline.lines(entries, Rules.load(texts()), names)
        return f"사례 {case} 의 경과 (시 복지정책과 화면)\n{table(shown)}"


def _start(stack: ExitStack, settings: Settings, workers: int) -> tuple[Settings, RunningHub | None]:
    """Servers and hub; whatever is started here is stopped when `stack` ends."""
    if not is_external(settings):
        say(f"servers in {settings.state_dir} …")
        # From the main thread: the servers end with it, however it ends.
        settings = completed(settings, stack.enter_context(Servers(settings.state_dir, deathsig=True)))
    install(settings)
    if web_url(alive(settings.state_dir)):
        say("the hub runs already: using it")
        return settings, None
    say("topics and ways in for the agencies …")
    provide_missing(settings, [account.code for account in accounts()])
    hub = start_hub(settings, workers)
    stack.callback(hub.stop)
    say(f"the hub runs: {hub.web_url}")
    return settings, hub


def _seed(settings: Settings, given: int | None) -> int:
    """The seed given, or one more than the last run's: the same town again would only be seen."""
    path = settings.state_dir / "demo.json"
    last = orjson.loads(path.read_bytes())["seed"] if path.exists() else 0
    seed = last + 1 if given is None else given
    write_private(path, orjson.dumps({"seed": max(seed, last)}))
    return int(seed)


def _stay(hub: RunningHub | None) -> None:
    if hub is not None:
        follow(hub)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: through everything that has to be stopped."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
