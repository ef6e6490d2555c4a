"""docs/joining.md as a reader follows it: every block is run, in order, on a hub of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {"en": ROOT / "docs/joining.md", "ko": ROOT / "docs/joining.ko.md"}
BLOCK = re.compile(r"(?:<!-- (stays|until: [^>]+) -->\n)?```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What the reader should see, by the number of the block (from 0).
SEEN = {
    2: ("[connector]", 'name = "files"', "hub connector run pyeonggeo.toml", "ieum_"),
    4: ("김하늘",),
    6: ("PA-001", "PA-002"),
    7: ("accepted",),
    8: ("/fhir",),
    9: ("transaction-response",),
    10: ("accepted",),
}
PATIENCE_S = 60


def blocks(lang: str) -> list[tuple[str, str]]:
    return BLOCK.findall(PAGES[lang].read_text(encoding="utf-8"))


class Reader:
    """Somebody at a terminal: variables stay from one block to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        self.environment = kept | {"PATH": path, "HUB_STATE": str(folder / "state"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.running: list[subprocess.Popen[bytes]] = []

    def type(self, block: str) -> str:
        """Run a block and return what was shown."""
        script = f"set -ae; [ -f .shell ] && . ./.shell\n{block}\nexport -p | grep -v OLDPWD > .shell"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, block: str) -> None:
        """Run a block that goes on; its last command is what Ctrl-C ends."""
        *before, last = block.strip().splitlines()
        if before:
            self.type("\n".join(before))
        script = f"[ -f .shell ] && . ./.shell\nexec {last}"
        with (self.folder / "terminal.log").open("ab") as log:
            self.running.append(
                subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment, stdout=log, stderr=log)
            )

    def wait_for(self, pattern: str) -> None:
        """Wait until a file is there and holds something: 'pattern' or 'pattern holds text'."""
        end = time.monotonic() + PATIENCE_S
        pattern, _, text = pattern.partition(" holds ")
        while not any(path.stat().st_size and text.encode() in path.read_bytes() for path in self.folder.glob(pattern)):
            assert time.monotonic() < end, (self.folder / "terminal.log").read_text(encoding="utf-8")[-3000:]
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C in the terminal opened last."""
        process = self.running.pop()
        process.send_signal(signal.SIGINT)
        process.wait(60)

    def wait_for_hub(self) -> None:
        """Until the web answers: a reader needs longer to open another terminal."""
        self.wait_for("state/processes.json")
        self.type(
            'for i in $(seq 100); do hub status --json | grep -q \'"url": "http\' && '
            'curl -sf $(hub status --json | sed -n \'s/.*"url": "\\(.*\\)".*/\\1/p\')/readyz && break; sleep 0.3; done'
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    while made.running:
        made.interrupt()
    subprocess.run(["hub", "down"], env=made.environment, cwd=tmp_path, capture_output=True, timeout=90, check=False)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.slow
def test_whoever_types_every_block_gets_to_two_accepted_referrals(reader: Reader) -> None:
    began = time.monotonic()
    shown: dict[int, str] = {}
    for number, (mark, block) in enumerate(blocks("en")):
        if mark == "stays":
            reader.start(block)
            reader.wait_for_hub()
        elif mark:
            reader.start(block)
            reader.wait_for(mark.removeprefix("until: "))
            reader.interrupt()
        else:
            shown[number] = reader.type(block)
    for number, words in SEEN.items():
        assert [w for w in words if w not in shown[number]] == [], f"block {number}: {shown[number]}"
    assert (reader.folder / "handover/pyeonggeo.token").stat().st_mode & 0o777 == 0o600
    assert time.monotonic() - began < 600, "ten minutes"


def test_both_languages_show_the_same_blocks() -> None:
    assert blocks("ko") == blocks("en")
    assert len(blocks("en")) == max(SEEN) + 1
