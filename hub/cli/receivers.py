"""The receiving agencies of the demo: each answers a share of its offers through the API, as its workers would.

Owns what they do, drawn from the referral's id so that it is the same every time. Never speaks for an agency without
its own token.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import httpx

from hub.cli.accounts import Credentials
from hub.errors import Retry

Heard = Callable[[int], None]
Step = tuple[str, dict[str, str]]
AT_ONCE: Final = 8
ACCEPT: Final[Step] = ("accept", {})
START: Final[Step] = ("start", {})
DELIVER: Final[Step] = ("deliver", {})
#: Up to this share of all offers: what becomes of them. The rest stays open.
HABITS: Final[tuple[tuple[float, tuple[Step, ...]], ...]] = (
    (0.12, (("decline", {"reason": "no_capacity"}),)),
    (0.28, (ACCEPT,)),
    (0.40, (ACCEPT, START)),
    (0.65, (ACCEPT, START, DELIVER)),
)
#: A change may have been made in the meantime, or be none of this need's (a report cannot be declined).
NOT_POSSIBLE: Final = frozenset({404, 409, 422})


def answer(
    url: str, ways_in: Mapping[str, Credentials], offers: Sequence[tuple[str, str]], heard: Heard
) -> Counter[str]:
    """Answer offers. Returns how often each change was made."""
    return asyncio.run(_answer(url, ways_in, offers, heard))


async def _answer(
    url: str, ways_in: Mapping[str, Credentials], offers: Sequence[tuple[str, str]], heard: Heard
) -> Counter[str]:
    made: Counter[str] = Counter()
    waiting = iter([(referral, ways_in[code].token) for referral, code in offers if code in ways_in])

    async def work(client: httpx.AsyncClient) -> None:
        for referral, token in waiting:
            for change, body in habit(referral):
                if not await _change(client, token, referral, change, body):
                    break
                made[change] += 1
            heard(1)

    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        await asyncio.gather(*(work(client) for _ in range(AT_ONCE)))
    return made


def habit(referral: str) -> tuple[Step, ...]:
    """What becomes of an offer, by its id."""
    share = int(referral[-4:], 16) / 0x10000
    return next((steps for upto, steps in HABITS if share < upto), ())


async def _change(client: httpx.AsyncClient, token: str, referral: str, change: str, body: dict[str, str]) -> bool:
    """Make one change. Returns whether the ledger recorded it."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"demo-{change}-{referral}"}
    found = await client.post(f"/v1/referrals/{referral}/{change}", json=body, headers=headers)
    if found.status_code in NOT_POSSIBLE:
        return False
    if not found.is_success:
        raise Retry(f"the hub answered {found.status_code} to {change}: {found.text[:200]}")
    return found.status_code == httpx.codes.OK
