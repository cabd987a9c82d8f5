"""Reports of random customer tables, made with pandas alone, and the true counts beside them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from segmentation.clustering.microaggregation import groups
from segmentation.results import (
    CostPoint,
    CustomerSample,
    FeatureProfile,
    PreparedFeature,
    Report,
    Segment,
)
from tests.report_example import example_report

NUMBERS = ("spend", "visits", "complaints")
MISSING = "(missing)"
MIN_GROUP = 10


@dataclass(frozen=True)
class Known:
    """A report, and the table that it is of: a row per customer, its segment among the columns."""

    report: Report
    customers: Any

    def counts(self, feature: str) -> Any:
        """Customers by segment (rows) and value of the feature, missing among them."""
        column = self.customers[feature].fillna(MISSING)
        return pd.crosstab(self.customers["segment"], column)


def random_table(seed: int) -> Any:
    """Customers in 2 to 6 segments, some small, with values that are rare in some or in all."""
    chance = np.random.default_rng(seed)
    sizes = chance.choice([3, 8, 12, 30, 75, 150, 400, 900], chance.integers(2, 7))
    sizes[0] = max(sizes[0], 75)
    segment = np.repeat(np.arange(len(sizes)), chance.permutation(sizes))
    rows, k = len(segment), len(sizes)

    def category(values: list[str]) -> Any:
        """Values as often as chance has it in every segment, some only there by ones and twos."""
        shares = chance.dirichlet(np.full(len(values), 0.25), k)
        return pd.Series([chance.choice(values, p=shares[each]) for each in segment])

    country = category(["UK", "France", "Peru", "Chad", "Fiji", "Togo"])
    country[chance.random(rows) < chance.choice([0, 0.01, 0.2])] = None
    age = pd.Series(chance.normal(40, 12, rows).round())
    age[chance.random(rows) < chance.choice([0, 0.5, 0.98])] = np.nan
    return pd.DataFrame(
        {
            "segment": segment,
            "spend": chance.lognormal(3 + segment * 0.7, 0.8).round(2),
            "visits": chance.normal(20 + 9 * segment, 4).round(3),
            "complaints": chance.poisson(chance.choice([0.01, 0.1, 2], k)[segment]),
            "partner": chance.random(rows) < chance.choice([0.01, 0.03, 0.5, 0.98], k)[segment],
            "plan": category(["gold", "silver", "bronze", "trial"]),
            "country": country,
            "age": age,
        }
    )


def random_report(seed: int) -> Known:
    """The report of a random table."""
    table = random_table(seed)
    profiles: list[FeatureProfile] = []
    features: list[PreparedFeature] = []
    for name in ("spend", "visits", "complaints", "age"):
        profiles += _of_number(table, name)
        if name != "age":
            values = table[name].to_numpy(float)
            features.append(PreparedFeature(name, "none", values.mean(), values.std(), name))
    indicators: dict[tuple[str, str | None], Any] = {("partner", None): table["partner"]}
    for name in ("plan", "country"):
        column = table[name]
        for value in column.value_counts().index:
            indicators[name, value] = (column == value).where(column.notna())
        if column.isna().any():
            indicators[name, MISSING] = column.isna()
    for (column, value), has in indicators.items():
        of = has.astype(float)
        profiles += _of_indicator(table, column, value, of)
        if column != "country":
            name = column if value is None else f"{column} = {value}"
            deviation = of.std(ddof=0) or 1.0
            features.append(PreparedFeature(name, "none", of.mean(), deviation, column, value))
    plain = example_report(planted=[("x", (1.0, 1.0, 1.0), 2)])
    k = table["segment"].nunique()
    run = replace(
        plain.run,
        labelled=len(table),
        rows_in=len(table) + 37,
        features=tuple(features),
        value_feature="spend",
        choice=replace(plain.run.choice, k=k),
    )
    smallest = table["segment"].value_counts().min() / len(table)
    curve = tuple(
        CostPoint(at, 100.0 / at, at == k, smallest_share=smallest if at == k else 1 / at)
        for at in range(1, 8)
    )
    return Known(
        Report(run, curve, _segments(table), tuple(profiles), _sample(table)),
        table,
    )


def _of_number(table: Any, name: str) -> list[FeatureProfile]:
    overall, deviation = table[name].mean(), table[name].std(ddof=0) or 1.0
    found = []
    for segment, own in table.groupby("segment")[name]:
        tenths = [None if own.count() == 0 else float(own.quantile(q)) for q in (0.1, 0.5, 0.9)]
        mean = None if own.count() == 0 else float(own.mean())
        found.append(
            FeatureProfile(
                segment=int(segment),
                feature=name,
                mean=mean,
                p10=tenths[0],
                median=tenths[1],
                p90=tenths[2],
                centroid=None if name == "age" else mean,
                overall_mean=float(overall),
                difference=None if name == "age" else (own.mean() - overall) / deviation,
                used_for_clustering=name != "age",
                known=int(own.count()),
            )
        )
    return found


def _of_indicator(table: Any, column: str, value: str | None, of: Any) -> list[FeatureProfile]:
    overall, deviation = of.mean(), of.std(ddof=0) or 1.0
    is_used = column != "country"
    return [
        FeatureProfile(
            segment=int(segment),
            feature=column,
            mean=float(own.mean()) if own.count() else None,
            median=None,
            p10=None,
            p90=None,
            centroid=float(own.mean()) if is_used else None,
            overall_mean=float(overall),
            difference=float((own.mean() - overall) / deviation) if is_used else None,
            value=value,
            used_for_clustering=is_used,
            known=int(own.count()),
            kind="boolean" if value is None else "categorical",
        )
        for segment, own in of.groupby(table["segment"])
    ]


def _segments(table: Any) -> tuple[Segment, ...]:
    whole = table["spend"].sum()
    found = []
    for segment, own in table.groupby("segment"):
        names = ["High spend" if own["spend"].mean() > table["spend"].mean() else "Low spend"]
        names += [
            f"mostly {value}"
            for name in ("plan", "country")
            for value, count in own[name].value_counts().items()
            if count > len(own) / 2
        ]
        names += ["mostly partner"] if own["partner"].mean() > 0.5 else []
        found.append(
            Segment(
                segment=int(segment),
                name=", ".join(names),
                customers=len(own),
                share=len(own) / len(table),
                value_mean=own["spend"].mean(),
                value_sum=own["spend"].sum(),
                value_share=own["spend"].sum() / whole,
                mean_distance=0.4,
            )
        )
    return tuple(found)


def _sample(table: Any) -> CustomerSample:
    """Groups of similar customers, as the pipeline draws them."""
    values: dict[str, list[float]] = {name: [] for name in NUMBERS}
    segments: list[int] = []
    sizes: list[int] = []
    for segment, own in table.groupby("segment"):
        points = own[list(NUMBERS)].to_numpy(float)
        found = groups(points, np.ones(len(own), dtype=np.int64), size=MIN_GROUP)
        for group in np.unique(found):
            members = points[found == group]
            segments.append(int(segment))
            sizes.append(len(members))
            for at, name in enumerate(NUMBERS):
                values[name].append(float(members[:, at].mean()))
    return CustomerSample(
        {name: tuple(of) for name, of in values.items()}, tuple(segments), tuple(sizes)
    )
