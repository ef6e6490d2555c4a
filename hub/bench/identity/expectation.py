"""How often each level is seen between records of one person, by expectation maximization: Splink's, or our own.

Owns the two estimators, which answer alike. Splink (Linacre et al. 2022) runs its own blocking and its own algorithm in
DuckDB; only the comparison levels are the engine's, asked of it for every pair, because what is weighed must be what
was counted. Where Splink is not installed, `core.identity.train` fits the same model. Neither moves u.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

import msgspec

from hub.bench.identity.blocks import Block, levels
from hub.bench.identity.quiet import quiet
from hub.core.identity.features import Features
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.core.identity.train import among_matches

_TO_BEGIN: Final = 0.5  # share of a block's pairs that are taken for matches before anything is known
_NOTHING: Final = -1


class Estimate(msgspec.Struct, frozen=True):
    """Of one block: m of each level that was seen ('birth:exact'), and how many of its pairs are one person."""

    m: dict[str, float]
    matches: float


class Given(msgspec.Struct, frozen=True):
    """What is fixed before: each level's m to begin with and its u, by field; and the model the levels are asked of."""

    start: Mapping[str, Mapping[str, float]]
    u: Mapping[str, float]
    model: Model


Estimator = Callable[[Sequence[Features], Block, Given], Estimate]


def estimator() -> tuple[Estimator, str]:
    """Splink's if it is installed, else ours; and its name."""
    if all(find_spec(name) for name in ("splink", "duckdb", "pyarrow")):
        return by_splink, f"Splink {version('splink')} EM"
    return by_ourselves, "our own EM (Splink is not installed)"


def by_ourselves(records: Sequence[Features], block: Block, given: Given) -> Estimate:
    """Fellegi and Sunter's model as `core.identity.train` fits it; names weigh by their frequency."""
    seen = [_open_lines(records[a], records[b], block, given.model) for a, b in block.pairs]
    start = {f"{field}:{name}": m for field, each in _open(block, given).items() for name, m in each.items()}
    fit = among_matches(seen, start, len(seen))
    observed = {label for lines in seen for label, _ in lines}
    return Estimate(
        {label: m for label, m in fit.m.items() if label in observed}, float(2**fit.prior * len(block.pairs))
    )


def _open(block: Block, given: Given) -> dict[str, Mapping[str, float]]:
    """Fields the block has not settled, if they have two levels to tell apart."""
    return {field: each for field, each in given.start.items() if field not in block.settled and len(each) > 1}


def _open_lines(a: Features, b: Features, block: Block, model: Model) -> tuple[tuple[str, int], ...]:
    """The score's lines without the settled fields. What caps phone and address goes with the address."""
    settled = block.settled | ({"household_cap"} if "address" in block.settled else set())
    return tuple(line for line in compare(a, b, model).fields if line[0].partition(":")[0] not in settled)


def by_splink(records: Sequence[Features], block: Block, given: Given) -> Estimate:
    """Splink's EM over the block; u stays as given, names weigh by their mean frequency."""
    import duckdb  # noqa: PLC0415 - optional, and slow to load
    from splink import Linker, SettingsCreator, block_on  # noqa: PLC0415
    from splink.backends.duckdb import DuckDBAPI  # noqa: PLC0415

    fields = _open(block, given)
    asked = _Asked(records, given.model, fields)
    with quiet(), duckdb.connect() as connection:
        connection.execute("SET threads TO 1")  # the functions are Python's, and sums must not depend on timing
        for field in fields:
            connection.create_function(f"level_of_{field}", asked.of(field), ["BIGINT", "BIGINT"], "BIGINT")
        api = DuckDBAPI(connection=connection)
        table = api.register({"unique_id": list(block.keys), "shared": list(block.keys.values())})
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[_comparison(field, each, given.u) for field, each in fields.items()],
            probability_two_random_records_match=_TO_BEGIN,
        )
        linker = Linker(table, settings, log_level=None)
        session = linker.training.estimate_parameters_using_expectation_maximisation(
            block_on("shared"), estimate_without_term_frequencies=True
        )
        model: dict[str, Any] = linker.misc.save_model_to_json(None)
    share = float(session.core_model_settings.probability_two_random_records_match)
    return Estimate(dict(_trained(model, asked.observed())), share * len(block.pairs))


def _comparison(field: str, each: Mapping[str, float], u: Mapping[str, float]) -> Any:  # noqa: ANN401 - without types
    """A field's levels as Splink's: by their place in `each`, the last for all that is left."""
    import splink.comparison_level_library as cll  # noqa: PLC0415 - optional
    from splink.comparison_library import CustomComparison  # noqa: PLC0415

    call = f"level_of_{field}(unique_id_l, unique_id_r)"
    found: list[Any] = [cll.CustomLevel(f"{call} = {_NOTHING}").configure(is_null_level=True)]
    for place, (name, m) in enumerate(each.items()):
        is_last = place == len(each) - 1
        level = cll.ElseLevel() if is_last else cll.CustomLevel(f"{call} = {place}")
        found.append(
            level.configure(m_probability=m, u_probability=u[f"{field}:{name}"], label_for_charts=f"{field}:{name}")
        )
    return CustomComparison(output_column_name=field, comparison_levels=found)


def _trained(model: Mapping[str, Any], observed: set[str]) -> Iterator[tuple[str, float]]:
    for comparison in model["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level["label_for_charts"] in observed:
                yield level["label_for_charts"], level["m_probability"]


class _Asked:
    """The engine's levels, as numbers, for pairs of places; each pair is compared once."""

    def __init__(self, records: Sequence[Features], model: Model, fields: Mapping[str, Mapping[str, float]]) -> None:
        self.records = records
        self.model = model
        self.places = {field: {name: place for place, name in enumerate(each)} for field, each in fields.items()}
        self.known: dict[tuple[int, int], dict[str, int]] = {}

    def of(self, field: str) -> Callable[[int, int], int]:
        """The function DuckDB calls for `field`."""

        def level(a: int, b: int) -> int:
            known = self.known.get((a, b))
            if known is None:
                known = self.known[a, b] = self._compared(a, b)
            return known[field]

        return level

    def _compared(self, a: int, b: int) -> dict[str, int]:
        found = levels(self.records[a], self.records[b], self.model)
        return {field: places.get(found.get(field, ""), _NOTHING) for field, places in self.places.items()}

    def observed(self) -> set[str]:
        """Labels of the levels that some pair has shown."""
        names = {field: list(places) for field, places in self.places.items()}
        seen = {each for known in self.known.values() for each in known.items()}
        return {f"{field}:{names[field][place]}" for field, place in seen if place != _NOTHING}
