"""A process of the hub as it is, with a note of what each slice cost: `python -m hub.bench.worker FILE ROLE [INDEX]`.

Owns that file: one JSON line per slice and per assignment. Changes nothing that the process does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from aiokafka import TopicPartition

import hub.app
from hub.consumers.batch import BatchConsumer

FILE = Path(sys.argv[1]) if __name__ == "__main__" else Path("worker.jsonl")


class Measured(BatchConsumer):
    """The consumer with a watch: seconds to prepare, to record, and of these under the lock."""

    _prepare_s = 0.0
    _record_began = 0.0

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note how many partitions this worker has."""
        places = list(assigned)
        await super().on_partitions_assigned(places)
        _note({"assigned": len(places)})

    def _prepare(self, *given: Any) -> Any:  # noqa: ANN401 - whatever the consumer hands itself
        began = time.perf_counter()
        prepared = super()._prepare(*given)
        self._prepare_s = time.perf_counter() - began
        return prepared

    def _record(self, *given: Any) -> Any:  # noqa: ANN401 - same
        self._record_began = time.perf_counter()
        return super()._record(*given)

    def _measure(self, count: int, under_lock_s: float) -> None:
        super()._measure(count, under_lock_s)
        record_s = time.perf_counter() - self._record_began
        _note({"count": count, "prepare_s": self._prepare_s, "record_s": record_s, "lock_s": under_lock_s})


def _note(line: dict[str, Any]) -> None:
    with FILE.open("ab") as file:
        file.write(orjson.dumps({**line, "at": time.time()}, option=orjson.OPT_APPEND_NEWLINE))


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a worker's file so far."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


class Tally:
    """How many messages a worker has decided, from what its file gained since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._count = path, 0, 0

    def __call__(self) -> int:
        """The count so far."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
            self._read += len(whole) + bool(whole)
            self._count += sum(orjson.loads(line).get("count", 0) for line in whole.splitlines())
        return self._count


if __name__ == "__main__":
    hub.app.BatchConsumer = Measured  # type: ignore[attr-defined] # the name it is made by
    sys.exit(hub.app.main(sys.argv[2:]))
