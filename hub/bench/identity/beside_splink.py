"""The same data in the same run with Splink 5 on DuckDB: how right it is, and how many records a second it links.

Owns Splink's side: its settings, its training (u from random pairs, m by expectation maximization, as its documentation
does) and the reading of its answers. It may use both cores, and of all thresholds the one that suits it best is taken,
against the truth. FEBRL is linked as one batch (`predict`), a register of any size is asked by batches of newcomers
(`predict_between`), with blocking rules that say what the hub's blocking keys say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.bench.identity import febrl
from hub.bench.identity.quiet import quiet
from hub.bench.identity.stored import COLUMNS
from hub.core.identity.partition import Pair, pair
from hub.errors import Usage

_SAMPLED: Final = 1_000_000  # random pairs that u is estimated from
SURE: Final = 0.9999
_WEIGHT: Final = -10.0  # pairs below are no answer at any threshold
_REGISTER_RULES: Final = (
    ("rrn",),
    ("phone",),
    ("birth", "building"),
    ("birth", "given"),
    ("surname", "given", "building"),
    ("surname", "given", "substr(birth, 1, 4)", "sigungu"),
    ("birth", "surname", "first"),
    ("birth", "surname", "second"),
)
_FEBRL_RULES: Final = (
    ("date_of_birth",),
    ("given_name", "surname"),
    ("given_name", "postcode"),
    ("surname", "postcode"),
    ("given_name", "address_1"),
    ("surname", "address_1"),
    ("surname", "suburb"),
    ("given_name", "suburb"),
    ("address_1", "postcode"),
    ("address_1", "street_number"),
    ("address_2", "postcode"),
)
Say = Callable[[str], None]
Weighed = list[tuple[Pair, float]]


class Beside(msgspec.Struct, frozen=True):
    """What Splink came to. weight: the threshold in bits with the best F1; seconds: of each batch, training outside.

    sure_recall: the best recall at a threshold where the precision is what the hub must reach.
    """

    data: str
    how: str
    f1: float
    precision: float
    recall: float
    sure_recall: float
    weight: float
    records_per_second: float
    training_s: float
    seconds: list[float]


def febrl_batch(name: febrl.Name, *, with_number: bool, say: Say) -> Beside:
    """One of FEBRL's sets, linked at once."""
    require()
    rows = febrl.rows(name)
    true = febrl.truth(rows)
    with quiet():
        began = time.perf_counter()
        linker = _febrl_linker(rows, with_number=with_number)
        trained = time.perf_counter()
        weighed = _pairs(linker.inference.predict(threshold_match_weight=_WEIGHT))
        seconds = time.perf_counter() - trained
    data = name if with_number else f"{name}_no_ssn"
    found = _best(data, "predict", weighed, true, (len(rows), trained - began, [seconds]))
    say(f"splink: {data}: F1 {found.f1:.5f} in {seconds:.1f} s")
    return found


def require() -> None:
    """Raises Usage where Splink or its database is not installed."""
    if find_spec("splink") is None or find_spec("duckdb") is None or find_spec("pyarrow") is None:
        raise Usage("Splink and DuckDB are not installed, so nothing can stand beside the hub.", "Run `make setup`.")


class Register:
    """A register in DuckDB, and a model trained on it together with second mentions of some of its people.

    files: its CSV files, with `COLUMNS`; twice: rows of further mentions, in the same columns.
    """

    def __init__(self, files: Path, twice: Sequence[Sequence[object]]) -> None:
        require()
        import duckdb  # noqa: PLC0415 - optional, and slow to load

        self._connection = duckdb.connect()
        kinds = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
        source = f"read_csv('{files / '*.csv'}', header = true, columns = {{{kinds}}}, nullstr = '')"
        # It asks for the same people every time: as a table, not as files.
        self._connection.execute(f"CREATE TABLE register AS SELECT * FROM {source}")  # noqa: S608 - our own names
        with quiet():
            began = time.perf_counter()
            self._linker = self._train(twice)
            self.training_s = time.perf_counter() - began

    def _train(self, twice: Sequence[Sequence[object]]) -> Any:  # noqa: ANN401 - published without types
        from splink import DuckDBAPI, Linker, block_on  # noqa: PLC0415 - optional

        self._api = DuckDBAPI(self._connection)
        second = _arrow(COLUMNS, twice)
        self._connection.register("second", second)
        self._connection.execute("CREATE TABLE people AS SELECT * FROM register UNION ALL SELECT * FROM second")
        self._register = self._api.register("register", dataset_display_name="register")
        people = self._api.register("people", dataset_display_name="people")
        linker = Linker(people, _register_settings(), log_level=None)
        training = linker.training
        training.estimate_probability_two_random_records_match([block_on("rrn")], recall=0.2)
        training.estimate_u_using_random_sampling(max_pairs=_SAMPLED, seed=1)
        for rule in (block_on("birth", "given"), block_on("phone", "surname", "sex"), block_on("rrn")):
            training.estimate_parameters_using_expectation_maximisation(rule)
        for column in ("surname", "given"):
            linker.table_management.compute_tf_table(column)
        return linker

    def ask(self, batch: Sequence[Sequence[object]], name: str) -> tuple[Weighed, float]:
        """Weighed pairs of newcomers and records of the register, and the seconds it took."""
        rows = _arrow(COLUMNS, batch)
        with quiet():
            began = time.perf_counter()
            asked = self._api.register(rows, dataset_display_name=name)
            found = self._linker.inference.predict_between(
                self._register, asked, threshold_match_weight=_WEIGHT, warning_mode="never"
            )
            weighed = _pairs(found)
            seconds = time.perf_counter() - began
            found.drop_table_from_database_and_remove_from_cache()
        return weighed, seconds

    def judged(self, weighed: Weighed, true: set[Pair], records: int, seconds: list[float]) -> Beside:
        """All batches together."""
        return _best("korean_register", "predict_between", weighed, true, (records, self.training_s, seconds))


def _best(data: str, how: str, weighed: Weighed, true: set[Pair], took: tuple[int, float, list[float]]) -> Beside:
    """Measures at the threshold with the best F1; pairs of equal weight stand or fall together."""
    records, training_s, seconds = took
    best, sure, right = (0.0, 0.0, 0.0, 0.0), 0.0, 0
    ordered = sorted(weighed, key=lambda found: -found[1])
    for place, (found, weight) in enumerate(ordered, 1):
        right += found in true
        if place < len(ordered) and ordered[place][1] == weight:
            continue
        precision, recall = right / place, right / max(1, len(true))
        if precision >= SURE:
            sure = max(sure, recall)
        if right:
            best = max(best, (2 * precision * recall / (precision + recall), precision, recall, weight))
    f1, precision, recall, weight = best
    rate = records / sum(seconds)
    return Beside(data, how, f1, precision, recall, sure, weight, round(rate, 1), round(training_s, 1), seconds)


def _pairs(found: Any) -> Weighed:  # noqa: ANN401 - published without types
    table = found.as_duckdbpyrelation().select("unique_id_l, unique_id_r, match_weight")
    weighed: dict[Pair, float] = {}
    for a, b, weight in table.fetchall():
        weighed[pair(a, b)] = max(weight, weighed.get(pair(a, b), weight))
    return list(weighed.items())


# ------------------------------------------------------------------ settings
def _register_settings() -> Any:  # noqa: ANN401 - published without types
    import splink.comparison_library as cl  # noqa: PLC0415 - optional
    from splink import SettingsCreator, block_on  # noqa: PLC0415 - optional

    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("surname", [0.9]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("given", [0.92, 0.8]).configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "birth", input_is_string=True, datetime_format="%Y-%m-%d", invalid_dates_as_null=True
            ),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("phone", [1]),
            _address(),
            cl.ExactMatch("rrn"),
        ],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in _REGISTER_RULES],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )


def _address() -> Any:  # noqa: ANN401 - published without types
    """The same dwelling, building or city: one comparison, since each says what the next one says."""
    import splink.comparison_level_library as cll  # noqa: PLC0415 - optional
    import splink.comparison_library as cl  # noqa: PLC0415 - optional

    return cl.CustomComparison(
        output_column_name="address",
        comparison_levels=[
            cll.NullLevel("building"),
            cll.CustomLevel("building_l = building_r and unit_l = unit_r", "dwelling"),
            cll.CustomLevel("building_l = building_r", "building"),
            cll.CustomLevel("sigungu_l = sigungu_r", "city"),
            cll.ElseLevel(),
        ],
    )


def _febrl_linker(rows: febrl.Rows, *, with_number: bool) -> Any:  # noqa: ANN401 - published without types
    from splink import DuckDBAPI, Linker, block_on  # noqa: PLC0415 - optional

    fields = tuple(next(iter(rows.values())))
    values = [(id_, *((row[field] or "").strip() or None for field in fields)) for id_, row in rows.items()]
    api = DuckDBAPI()
    table = api.register(_arrow(("unique_id", *fields), values), dataset_display_name="people")
    linker = Linker(table, _febrl_settings(with_number=with_number), log_level=None)
    training = linker.training
    sure: list[Any] = [
        block_on("given_name", "surname", "date_of_birth"),
        block_on("surname", "postcode", "date_of_birth"),
    ]
    training.estimate_probability_two_random_records_match(sure, recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=_SAMPLED, seed=1)
    for rule in (block_on("date_of_birth"), block_on("postcode", "surname"), block_on("given_name", "surname")):
        training.estimate_parameters_using_expectation_maximisation(rule)
    return linker


def _febrl_settings(*, with_number: bool) -> Any:  # noqa: ANN401 - published without types
    import splink.comparison_library as cl  # noqa: PLC0415 - optional
    from splink import SettingsCreator, block_on  # noqa: PLC0415 - optional

    number = [cl.LevenshteinAtThresholds("soc_sec_id", [1, 2])] if with_number else []
    numbers = [block_on("soc_sec_id")] if with_number else []
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.ForenameSurnameComparison("given_name", "surname"),
            cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
            cl.LevenshteinAtThresholds("address_1", [1, 3]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("address_2", [1, 3]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("street_number", [1]),
            cl.LevenshteinAtThresholds("suburb", [1, 3]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
            cl.ExactMatch("state"),
            *number,
        ],
        blocking_rules_to_generate_predictions=[*numbers, *(block_on(*rule) for rule in _FEBRL_RULES)],
    )


# ------------------------------------------------------------------ tables, and Splink's talk
def _arrow(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Any:  # noqa: ANN401 - published without types
    import pyarrow as pa  # type: ignore[import-untyped] # noqa: PLC0415 - optional, published without types

    columns = zip(*rows, strict=True)
    return pa.table({
        name: pa.array([None if value in (None, "") else str(value) for value in column], pa.string())
        for name, column in zip(names, columns, strict=True)
    })  # fmt: skip
