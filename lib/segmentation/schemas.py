"""The published tables: columns, types, meanings. Source of the README's data dictionary."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; ``type`` is Spark's name for it, ``meaning`` states unit and null rule."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A published table; ``columns`` are those that the job adds or creates."""

    name: str
    rows: str
    columns: tuple[Column, ...]

    @property
    def comments(self) -> dict[str, str]:
        """The meaning of each column; written to the Parquet files as the column's comment."""
        return {column.name: column.meaning for column in self.columns}

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of ``columns``."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class FileLayout:
    """How the files of a table are arranged; all three name columns.

    There is a folder per value of ``partition_by``, or one in all. Rows are sorted within a file,
    so that look-ups prune. Of ``mostly_unique`` columns Parquet tries no dictionary.
    """

    partition_by: str | None = None
    sort_by: tuple[str, ...] = ()
    mostly_unique: tuple[str, ...] = ()


ONE_FOLDER = FileLayout()

VERSION = 2
"""Of the published tables, in the manifest: incremented when a column is removed or redefined."""

SEGMENT = "segment"
KEY = "segment_key"

_NUMBER = "segment, from 0: highest mean of the value feature first; without one, largest first"

MALFORMED = "__malformed"
"""The column in which a reader keeps the text of a row that it could not parse."""

CUSTOMERS = Table(
    "customers",
    "one row per usable input row: all its columns (numeric features as numbers, dates unchanged) "
    "and",
    (
        Column("segment_name", "string", "name of the segment, as in `segments`"),
        Column("distance", "double", "Euclidean distance to the segment's centre, in scaled units"),
        Column("runner_up", "int", "second nearest segment; null if there is a single segment"),
        Column(
            "margin",
            "double",
            "1 - distance / distance to the runner-up's centre: 0 on the border, 1 at the "
            "centre; null if there is a single segment",
        ),
        Column(
            "imputed",
            "string",
            "names of the features whose missing value was imputed; null if none was",
        ),
        Column(KEY, "string", "key of the segment, which stays when the model is fitted anew"),
        Column(
            "previous_segment_key",
            "string",
            "key that the previous run gave the customer; null for a new one, and where an id is "
            "not unique",
        ),
        Column(
            "previous_model_key",
            "string",
            "key that the previous run's model gives this row; null where it is out of its reach",
        ),
        Column(
            "previous_value",
            "double",
            "value feature of the customer in the previous run; null for a new one",
        ),
        Column(
            "is_outlier",
            "boolean",
            "whether it is farther from the centre than `segments.outlier_quantile` of the "
            "customers that the model was fitted to",
        ),
        Column(
            "fresh_segment",
            "int",
            "with `refresh.policy` `combine`, the cluster of the fresh model, the largest is 0; "
            "else null",
        ),
        Column(SEGMENT, "int", f"{_NUMBER}; the partition column"),
    ),
)

COST_CURVE = Table(
    "cost_curve",
    "one row per k; indices have six significant digits and are null where undefined (most at "
    "k = 1)",
    (
        Column("k", "int", "number of clusters"),
        Column(
            "cost",
            "double",
            "within-cluster sum of squares over all customers, scaled units; of today's sweep, "
            "also where an older model is kept; with `--refresh keep`, of the previous run's",
        ),
        Column("chosen", "boolean", "true for the published k"),
        Column("log_drop", "double", "drop in log cost from the previous k"),
        Column(
            "silhouette",
            "double",
            "average silhouette with squared Euclidean distances, -1 to 1; over all customers "
            "for the chosen k, over the coreset for others",
        ),
        Column("calinski_harabasz", "double", "variance ratio criterion, all customers"),
        Column(
            "davies_bouldin",
            "double",
            "mean worst ratio of spreads (root mean square) to the distance of two centres, all "
            "customers; lower is better",
        ),
        Column(
            "gap",
            "double",
            "gap statistic: by how much log cost is below that of uniform reference sets",
        ),
        Column("gap_error", "double", "standard error of the gap, Tibshirani's s(k)"),
        Column(
            "stability",
            "double",
            "mean Jaccard similarity of clusters with those of resampled customers, 0 to 1; "
            "averaged over clusters",
        ),
        Column("min_stability", "double", "the same for the least stable cluster"),
        Column("smallest_share", "double", "share of customers in the smallest cluster, 0 to 1"),
    ),
)

SEGMENTS = Table(
    "segments",
    "one row per segment",
    (
        Column(SEGMENT, "int", _NUMBER),
        Column(
            "name",
            "string",
            "name, made from what distinguishes the segment when its key was given, or as in "
            "`segments.names`",
        ),
        Column("customers", "bigint", "number of customers"),
        Column("share", "double", "share of all labelled customers, 0 to 1"),
        Column(
            "value_mean",
            "double",
            "mean of the value feature over known values, original units; null without a value "
            "feature, like the next two",
        ),
        Column(
            "value_sum",
            "double",
            "sum of the value feature, as in `customers`; null if it does not add up (a rate, a "
            "mean, a date), like the next",
        ),
        Column(
            "value_share",
            "double",
            "share of the sum over all labelled customers; null unless that is positive",
        ),
        Column(
            "mean_distance",
            "double",
            "mean distance of its customers to the centre, in scaled units",
        ),
        Column(
            KEY,
            "string",
            "`s1`, `s2`, ...: stays when the model is fitted anew, and is never given again; join "
            "dashboards on it",
        ),
        Column(
            "event",
            "string",
            "how it came to be: `first`, `survived`, `split off`, `merged`, `moved` or `new`",
        ),
        Column("parents", "string", "keys that it comes from, with commas; null if there are none"),
        Column(
            "overlap_kept",
            "double",
            "share of the customers whom the previous model puts in its main parent today that are "
            "in it, 0 to 1; null without a comparison, like the next",
        ),
        Column(
            "overlap_from",
            "double",
            "share of its customers whom the previous model puts in that parent",
        ),
        Column("since_run", "string", "run in which the key was given"),
        Column(
            "automatic_name",
            "string",
            "name that it would be given today; null if that is its name",
        ),
    ),
)

SEGMENT_HISTORY = Table(
    "segment_history",
    "one row per run and key, the oldest run first; of all runs so far",
    (
        Column("run", "string", "run"),
        Column("created_at", "string", "when it began, UTC"),
        Column(KEY, "string", "key"),
        Column(SEGMENT, "int", "number of the segment in that run; null if the key ended in it"),
        Column("name", "string", "name of the segment"),
        Column(
            "event",
            "string",
            "as in `segments`; of a key that ended `split`, `absorbed`, `merged` or `disappeared`",
        ),
        Column("parents", "string", "keys that it comes from, or went to if it ended; or null"),
        Column("customers", "bigint", "number of customers, 0 if it ended"),
        Column("value", "double", "sum of the value feature, as in `segments`"),
        Column("reason", "string", "the reason in one sentence"),
    ),
)

MIGRATION = Table(
    "migration",
    "one row per key in the previous run and key in this one; empty without customer ids",
    (
        Column("from_key", "string", "key in the previous run, or `new`"),
        Column("to_key", "string", "key in this run, or `left`"),
        Column("customers", "bigint", "number of customers"),
        Column(
            "value_before",
            "double",
            "sum of the value feature in the previous run; null for `new`, and where it does not "
            "add up",
        ),
        Column("value_after", "double", "the same in this run; null for `left`"),
        Column(
            "moved_by_behaviour",
            "bigint",
            "customers whom the previous model puts elsewhere today than in the previous run",
        ),
        Column(
            "moved_by_model",
            "bigint",
            "customers whom this model puts elsewhere than the previous model does today",
        ),
    ),
)

COMBINATION = Table(
    "combination",
    "with `refresh.policy` `combine`, one row per label of the previous model, of the fresh one "
    "and of both combined; else empty",
    (
        Column("previous_model_key", "string", "as in `customers`"),
        Column("fresh_segment", "int", "as in `customers`"),
        Column(KEY, "string", "key in this run"),
        Column("customers", "bigint", "number of customers"),
    ),
)

DRIFT = Table(
    "drift",
    "one row per feature, and several per segment: today's customers beside those that the "
    "previous model was fitted to, both by its rule; empty in a first run",
    (
        Column("subject", "string", "`feature` or `segment`"),
        Column("name", "string", "name of the feature, or key of the segment"),
        Column(
            "measure",
            "string",
            "of features `wasserstein` (in standard deviations, after the transform) or "
            "`jensen_shannon` (base 2, 0 to 1); of segments `share` and, where there are "
            "customers on both sides, `cost_per_customer` (mean squared distance, scaled units), "
            "`median_distance` and `p90_distance`",
        ),
        Column(
            "reference",
            "double",
            "of the customers that the model was fitted to: the measure of a segment; of a "
            "feature the mean after the transform, taken back to original units (of yes/no the "
            "share); null for a categorical one",
        ),
        Column("current", "double", "the same of today's customers"),
        Column(
            "effect",
            "double",
            "the distance of a feature; the difference of a share; of other measures the "
            "difference as a share of the larger, 0 to 1",
        ),
        Column(
            "band",
            "double",
            "effect that two samples of one population of these sizes exceed once in a thousand",
        ),
        Column(
            "verdict",
            "string",
            "`stable` within the band; beyond it `slight` if the effect is below 0.1 (of a share "
            "0.02), else `drifted`",
        ),
    ),
)

SEGMENT_PROFILE = Table(
    "segment_profile",
    "one row per segment and feature, or value of a categorical one; includes `features.describe`",
    (
        Column(SEGMENT, "int", "segment"),
        Column("feature", "string", "feature"),
        Column(
            "kind",
            "string",
            "`numeric`, `ordered`, `date` (days before `as_of`), `boolean` or `categorical`",
        ),
        Column(
            "value", "string", "value of a categorical feature or band of an ordered one; else null"
        ),
        Column("used_for_clustering", "boolean", "false if the feature is only profiled"),
        Column(
            "known",
            "bigint",
            "customers of the segment with a known value; all statistics are of these original "
            "values, neither imputed nor winsorised",
        ),
        Column(
            "mean",
            "double",
            "mean, original units; for a `value`, and for yes/no, the share of customers; for "
            "`(missing)` a share of all; null if no value is known, like the next three",
        ),
        Column(
            "median",
            "double",
            "median, original units; above a million customers to 1 part in 4,096; null for a "
            "`value`, like the next two",
        ),
        Column("p10", "double", "10th percentile, like the median"),
        Column("p90", "double", "90th percentile, like the median"),
        Column(
            "centroid",
            "double",
            "the k-means centre, transformed back to original units; null for an ordered feature; "
            "null, like `difference`, if the feature is only profiled",
        ),
        Column("overall_mean", "double", "mean over all labelled customers, like `mean`"),
        Column(
            "difference",
            "double",
            "centre minus the overall mean of the prepared feature, in standard deviations; for a "
            "band, that of its share",
        ),
    ),
)

REJECTED = Table(
    "rejected",
    "one row per rejected input row: all its columns unchanged and",
    (
        Column(
            "reason",
            "string",
            "`null`, `not_a_number`, `nan`, `infinite`, `too_large`, `negative`, `unknown_band`, "
            "`not_a_date`, `after_as_of`, `not_a_boolean`, `malformed` or `duplicate_id`; for "
            "transactions also `no_purchase` and `no_net_spend`",
        ),
        Column("reason_column", "string", "the offending column; null for `malformed`"),
    ),
)

REJECTED_TRANSACTIONS = Table(
    "rejected_transactions",
    "for transaction input, one row per excluded line: all its columns unchanged and",
    (
        Column(
            "reason",
            "string",
            "`null`, `not_a_number`, `nan`, `infinite`, `too_large`, `not_a_date`, `malformed`, "
            "`after_as_of`, `before_window`, `not_a_product` or `duplicate_line`",
        ),
        Column("reason_column", "string", "the offending column; null for `malformed`"),
    ),
)

PLOT_SAMPLE = Table(
    "plot_sample",
    "one row per feature and point of the report's scatter plot; at most 32 features",
    (
        Column("point", "int", "number of the point, from 0"),
        Column(SEGMENT, "int", "segment"),
        Column(
            "customers",
            "bigint",
            "number of similar customers that the point averages; null if it is a single customer "
            "(`report.points`)",
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
    SEGMENT_HISTORY,
    MIGRATION,
    DRIFT,
    COMBINATION,
    PLOT_SAMPLE,
    REJECTED,
    REJECTED_TRANSACTIONS,
)

RESERVED = frozenset(CUSTOMERS.column_names + REJECTED.column_names)
"""Lower-case names that input columns cannot keep: they are published as ``<name>_input``."""


def published_name(name: str) -> str:
    """The name under which an input column is published; a reserved one is changed."""
    return f"{name}_input" if name.lower() in RESERVED else name


def data_dictionary() -> str:
    """The published tables as Markdown, one section per table, ordered as :data:`PUBLISHED`."""
    return "\n\n".join(
        f"**`{table.name}/`**, {table.rows}\n\n| Column | Type | Meaning |\n| --- | --- | --- |\n"
        + "\n".join(
            f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns
        )
        for table in PUBLISHED
    )


def string(value: str) -> str:
    """A SQL string, written in bytes: no character in it can end the string or be substituted."""
    return f"CAST(X'{value.encode('utf-8').hex().upper()}' AS STRING)"


def quoted(name: str) -> str:
    """A column name quoted for Spark SQL, whatever characters it contains."""
    return "`" + name.replace("`", "``") + "`"
