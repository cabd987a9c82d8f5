"""The published tables: columns, types, meanings. The README's data dictionary is made of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; ``type`` is Spark's name of it, ``meaning`` says unit and null rule."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A published table; ``columns`` are those the job adds or makes."""

    name: str
    rows: str
    columns: tuple[Column, ...]

    @property
    def comments(self) -> dict[str, str]:
        """What each column means, by name; kept in the Parquet files as the column's comment."""
        return {column.name: column.meaning for column in self.columns}

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of ``columns``."""
        return tuple(column.name for column in self.columns)


VERSION = 2
"""Of the published tables, in the manifest: incremented when a column is removed or redefined."""

SEGMENT = "segment"

_NUMBER = "segment, from 0: highest mean of the value feature first; without one, largest first"

MALFORMED = "__malformed"
"""The column in which a reader keeps the text of a row that it could not parse."""

CUSTOMERS = Table(
    "customers",
    "one per usable input row: all its columns, numeric features as numbers, dates as they came, "
    "and",
    (
        Column("segment_name", "string", "name of the segment, as in `segments`"),
        Column("distance", "double", "Euclidean distance to the segment's centre, in scaled units"),
        Column("runner_up", "int", "second nearest segment; null where there is one segment only"),
        Column(
            "margin",
            "double",
            "1 - distance / distance to the runner-up's centre: 0 on the border, 1 at the "
            "centre; null where there is one segment only",
        ),
        Column(
            "imputed",
            "string",
            "the features whose missing value was imputed, by name; null where none was",
        ),
        Column(SEGMENT, "int", f"{_NUMBER}; the partition folder"),
    ),
)

COST_CURVE = Table(
    "cost_curve",
    "one per k; indices have six significant digits and are null where undefined (most at k = 1)",
    (
        Column("k", "int", "number of clusters"),
        Column("cost", "double", "within-cluster sum of squares over all customers, scaled units"),
        Column("chosen", "boolean", "true for the k that was frozen"),
        Column("log_drop", "double", "drop in the logarithm of the cost from the k before"),
        Column(
            "silhouette",
            "double",
            "average silhouette with squared Euclidean distances, -1 to 1; of all customers "
            "for the chosen k, else of the coreset",
        ),
        Column("calinski_harabasz", "double", "variance ratio criterion, all customers"),
        Column(
            "davies_bouldin",
            "double",
            "mean worst ratio of spreads (root mean square) to the distance of two centres, all "
            "customers; lower is better",
        ),
        Column("gap", "double", "gap statistic: log cost below that of uniform reference sets"),
        Column("gap_error", "double", "standard error of the gap, as Tibshirani's s(k)"),
        Column(
            "stability",
            "double",
            "mean Jaccard similarity of clusters with those of resampled customers, 0 to 1; "
            "mean over clusters",
        ),
        Column("min_stability", "double", "the same, of the least stable cluster"),
        Column("smallest_share", "double", "the smallest cluster's part of all customers"),
    ),
)

SEGMENTS = Table(
    "segments",
    "one per segment",
    (
        Column(SEGMENT, "int", _NUMBER),
        Column("name", "string", "what sets the segment apart, in words"),
        Column("customers", "bigint", "customers in it"),
        Column("share", "double", "part of all labelled customers, 0 to 1"),
        Column(
            "value_mean",
            "double",
            "mean of the value feature where it is known, original units; null without a value "
            "feature, as the next two",
        ),
        Column(
            "value_sum",
            "double",
            "its sum, that of the column in `customers`; null where it does not add up (a rate, a "
            "mean, a date), as the next",
        ),
        Column(
            "value_share",
            "double",
            "part of the sum over all labelled customers; null where that is not positive",
        ),
        Column("mean_distance", "double", "mean distance of its customers to its centre"),
    ),
)

SEGMENT_PROFILE = Table(
    "segment_profile",
    "one per segment and feature, or value of a categorical one; `features.describe` included",
    (
        Column(SEGMENT, "int", "segment"),
        Column("feature", "string", "feature"),
        Column(
            "kind",
            "string",
            "`numeric`, `ordered`, `date` (days before `as_of`), `boolean` or `categorical`",
        ),
        Column(
            "value", "string", "value of a categorical feature, band of an ordered one; else null"
        ),
        Column("used_for_clustering", "boolean", "false where it is only profiled"),
        Column(
            "known",
            "bigint",
            "customers of the segment whose value is known; all statistics are of these, as their "
            "values came: neither imputed nor winsorised",
        ),
        Column(
            "mean",
            "double",
            "mean, original units; of a `value`, and of yes or no, the share of customers; of "
            "`(missing)` a share of all; null where nothing is known, as the next three",
        ),
        Column(
            "median",
            "double",
            "median, original units; above a million customers to 1 part in 4,096; null of a "
            "`value`, as the next two",
        ),
        Column("p10", "double", "10th percentile, as the median"),
        Column("p90", "double", "90th percentile, as the median"),
        Column(
            "centroid",
            "double",
            "the k-means centre, transformed back to original units; null of an ordered feature, "
            "and where the feature only describes, as `difference`",
        ),
        Column("overall_mean", "double", "mean over all labelled customers, as `mean`"),
        Column(
            "difference",
            "double",
            "centre less the overall mean of the prepared feature, in standard deviations; of a "
            "band that of its share",
        ),
    ),
)

REJECTED = Table(
    "rejected",
    "one per input row left out: all its columns as they came, and",
    (
        Column(
            "reason",
            "string",
            "`null`, `not_a_number`, `nan`, `infinite`, `too_large`, `negative`, `unknown_band`, "
            "`not_a_date`, `after_as_of`, `not_a_boolean`, `malformed` or `duplicate_id`; of "
            "transactions also `no_purchase` and `no_net_spend`",
        ),
        Column("reason_column", "string", "the column at fault; null for `malformed`"),
    ),
)

REJECTED_TRANSACTIONS = Table(
    "rejected_transactions",
    "for transaction input: one per excluded line: all its columns as they came, and",
    (
        Column(
            "reason",
            "string",
            "`null`, `not_a_number`, `nan`, `infinite`, `too_large`, `not_a_date`, `malformed`, "
            "`after_as_of`, `before_window`, `not_a_product` or `duplicate_line`",
        ),
        Column("reason_column", "string", "the column at fault; null for `malformed`"),
    ),
)

PLOT_SAMPLE = Table(
    "plot_sample",
    "one per point of the report's scatter plot and feature",
    (
        Column("point", "int", "number of the point, from 0"),
        Column(SEGMENT, "int", "segment"),
        Column(
            "customers",
            "bigint",
            "how many similar customers of the segment the point is the average of; null where "
            "it is one customer (`report.points`)",
        ),
        Column("feature", "string", "feature"),
        Column("value", "double", "value of the feature, original units"),
    ),
)

PUBLISHED = (
    CUSTOMERS,
    COST_CURVE,
    SEGMENTS,
    SEGMENT_PROFILE,
    PLOT_SAMPLE,
    REJECTED,
    REJECTED_TRANSACTIONS,
)

RESERVED = frozenset(CUSTOMERS.column_names + REJECTED.column_names)
"""Names, in lower case, that an input column gives up: it is published as ``<name>_input``."""


def published_name(name: str) -> str:
    """The name under which an input column is published; a reserved one gives way."""
    return f"{name}_input" if name.lower() in RESERVED else name


def data_dictionary() -> str:
    """The published tables as Markdown, one table a section, in the order of :data:`PUBLISHED`."""
    return "\n\n".join(
        f"**`{table.name}/`**, {table.rows}\n\n| Column | Type | Meaning |\n| --- | --- | --- |\n"
        + "\n".join(
            f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns
        )
        for table in PUBLISHED
    )


def string(value: str) -> str:
    """A text as SQL, written in bytes: no letter of it can end the text or be substituted."""
    return f"CAST(X'{value.encode('utf-8').hex().upper()}' AS STRING)"


def quoted(name: str) -> str:
    """A column name as Spark SQL wants it, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"
