"""The worked example of docs/identity.md and docs/identity.ko.md: one small world, and what each command prints in it.

`python -m tests.docs.who_is_who` writes the output into both pages; a test compares them. Nobody in it exists.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx

from hub.cli import screens
from hub.cli.screens import Language
from hub.town.accounts import accounts
from hub.web.app import create_app
from tests.core.decide.telling import web_deps
from tests.core.decide.world import World

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {Language.en: DOCS / "identity.md", Language.ko: DOCS / "identity.ko.md"}
#: The comment in front of a block names what stands in it.
BLOCK = re.compile(r"(<!-- shown: ([a-z-]+) -->\n```text\n)(.*?)(```)", re.DOTALL)
AGENCIES = {"city", "sangbong", "senior-center", "dong-pyeonggeo", "food-bank", "local-council"}
JEONGAE = {
    "성명": "윤정애",
    "생년월일": "1951-04-03",
    "전화번호": "010-4111-7222",
    "주소": "진주시 평거로 88, 205동 301호",
}


class Example:
    """The story, told once: two mentions, a sister, a wrong answer, and the way back."""

    def __init__(self) -> None:
        self.world = World(claim for claim in accounts() if claim.code in AGENCIES)
        self._app = create_app(web_deps(self.world))
        first = self.world.refer("식품", id_="row-1", **JEONGAE)
        self.world.wait(days=1)
        second = self.world.refer(
            "세탁", id_="row-2", agency="senior-center", **JEONGAE | {"성명": "윤정에", "주소": ""}
        )
        self.world.wait(days=1)
        sister = self.world.refer("식품", id_="row-3", **JEONGAE | {"성명": "윤정순"})
        records = [self.world.referral(outcome).record for outcome in (first, second, sister)]
        self.person, _, self.sister = (self.world.state.person_of(record) for record in records)
        self.world.wait(days=1)

    def answers(self) -> dict[str, Any]:
        """What the API answers at each step, by the name of the step."""
        told: dict[str, Any] = {"why": self._get(f"/v1/persons/{self.person}/why")}
        told["list"] = self._get("/v1/reviews")["reviews"]
        (review,) = told["list"]
        told["review"] = self._get(f"/v1/reviews/{review['review']}")
        told["same"] = self._post(f"/v1/reviews/{review['review']}/same", "documents_seen")
        told["how"] = self._get(f"/v1/persons/{self.person}/how")
        self.world.wait(hours=2)
        told["unmerge"] = self._post(f"/v1/persons/{self.person}/unmerge", "asked_person")
        told["why-not"] = self._get(f"/v1/persons/{self.person}/why-not/{self.sister}")
        return told

    def _get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _post(self, path: str, reason: str) -> Any:
        return self._ask("POST", path, json={"reason": reason})

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
                return await client.request(method, path, headers={"Authorization": "Bearer token-city"}, **more)

        answer = asyncio.run(ask())
        assert answer.is_success, answer.text
        return answer.json()


SCREENS = {
    "why": screens.why, "list": screens.reviews, "review": screens.review, "same": screens.judged, "how": screens.how,
    "unmerge": screens.judged, "why-not": screens.why_not,
}  # fmt: skip


def shown(lang: Language) -> dict[str, str]:
    """What each step prints."""
    answers = Example().answers()
    return {name: "\n".join(screen(answers[name], lang)) + "\n" for name, screen in SCREENS.items()}


def main() -> None:
    """Write the output into both pages."""
    for lang, page in PAGES.items():
        page.write_text(_filled(page.read_text(encoding="utf-8"), shown(lang)), encoding="utf-8")


def _filled(text: str, printed: dict[str, str]) -> str:
    return BLOCK.sub(lambda m: f"{m[1]}{printed[m[2]]}{m[4]}", text)


if __name__ == "__main__":
    main()
