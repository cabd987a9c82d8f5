"""The frozen model labels like the table: on every row, on ties, and on rows that will not do."""

from itertools import product

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from segmentation.clustering.ties import CLEAR_MARGIN
from segmentation.model.spark_columns import (
    CLUSTER,
    SECOND_SQUARE,
    SQUARE,
    with_nearest,
)
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.schemas import SEGMENT
from segmentation.segments.profile import Value
from tests.rotation import rotation
from tests.spark.tables import RAW, fitted, planted, prepared, segments_of, table


def frozen(made, centres):
    """The model with these centres, in grid units."""
    return pipeline_model(made.usable.sparkSession, fitted(made.preparation, centres))


def unlike(model, made, centres):
    """How many rows the model labels unlike the table."""
    expected = with_nearest(made.rows, made.preparation.layout, centres)
    names = made.config.features.names
    labelled = model.transform(expected.select(*names, F.col(CLUSTER).alias("expected")))
    return labelled.where(~F.col(SEGMENT).eqNullSafe(F.col("expected"))).count()


def partition(made, centres):
    return made.population.partitions([np.asarray(centres, dtype=np.float64)])[0]


@pytest.fixture(scope="module")
def made(spark):
    values, _ = planted(500, groups=5, seed=12)
    numeric = ["a", {"name": "b", "transform": "none"}, {"name": "c", "negative": "clip"}]
    return prepared(table(spark, **dict(zip("abc", values.T, strict=True))), numeric=numeric)


@pytest.fixture(scope="module")
def centres(made):
    points = made.rows.select(*made.coordinates).orderBy(*made.coordinates).toPandas().to_numpy()
    return np.asarray(points[::100], dtype=np.float64)


def test_the_saved_and_loaded_model_labels_every_row_as_the_table_does(made, centres, tmp_path):
    frozen(made, centres).write().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert unlike(loaded, made, centres) == 0
    labels = loaded.transform(made.usable).select(SEGMENT).distinct().collect()
    assert {row[SEGMENT] for row in labels} == set(range(len(centres)))


def test_it_adds_one_column_and_takes_none_away(made, centres):
    customers = made.usable.withColumn("id", F.lit("x"))
    found = frozen(made, centres).transform(customers)
    assert found.columns == ["a", "b", "c", "id", SEGMENT]
    assert found.schema[SEGMENT].dataType.simpleString() == "int"


def test_segments_are_the_positions_of_the_centres(made, centres):
    turned = centres[::-1]
    once, again = (
        frozen(made, c).transform(made.usable).select("a", SEGMENT).toPandas().set_index("a")
        for c in (centres, turned)
    )
    assert (once[SEGMENT] + again.loc[once.index, SEGMENT] == len(centres) - 1).all()


@pytest.mark.parametrize("clusters", [1, 3])
def test_a_row_that_breaks_the_contract_has_no_segment(spark, made, centres, clusters):
    unseen = spark.createDataFrame(
        [
            (1, 20.0, -5.0, -5.0),  # b is not transformed, c is clipped
            (2, None, 1.0, 1.0),
            (3, 1.0, float("nan"), 1.0),
            (4, 1.0, 1.0, float("inf")),
            (5, -1.0, 1.0, 1.0),
            (6, 1.0, 1e101, 1.0),
        ],
        "row int, a double, b double, c double",
    )
    found = frozen(made, centres[:clusters]).transform(unseen).orderBy("row").collect()
    assert [row[SEGMENT] is None for row in found] == [False, True, True, True, True, True]


def test_texts_are_read_as_the_contract_reads_them(spark):
    customers = spark.createDataFrame([("1",), (" 2 ",), ("30",), ("31",)], "a string")
    texts = prepared(customers, features=RAW)
    points = sorted(row["__q0"] for row in texts.rows.collect())
    model = frozen(texts, np.array([[points[0]], [points[-1]]]))
    unseen = spark.createDataFrame([("1.5",), ("29",), ("x",), (None,)], "a string")
    assert [row[SEGMENT] for row in model.transform(unseen).collect()] == [0, 1, None, None]


def test_one_cluster_is_segment_0_everywhere(made):
    model = frozen(made, np.zeros((1, 3)))
    assert {row[SEGMENT] for row in model.transform(made.usable).collect()} == {0}


def lattice(spark):
    """Whole numbers 0 to 4 squared, each twice: many lie halfway between two others."""
    x, y = np.meshgrid(range(5), range(5))
    return prepared(table(spark, a=np.tile(x.ravel(), 2), b=np.tile(y.ravel(), 2)), features=RAW)


def on_grid(made, values):
    """Grid points at these values of the features."""
    means = [column.mean for column in made.preparation.columns]
    return np.rint((np.array(values) - means) * 2.0**made.preparation.bits)


@pytest.mark.parametrize("rows", ["lattice", "middle"])
def test_customers_halfway_between_centres_are_labelled_alike_by_table_and_model(spark, rows):
    if rows == "lattice":
        made = lattice(spark)
        on_lattice = [(1, 1), (3, 1), (1, 3), (3, 3)]
    else:  # seven copies of the point in the middle
        made = prepared(table(spark, a=[0, 2, *[1] * 7], b=[0, 2, *[1] * 7]), features=RAW)
        on_lattice = [(0, 0), (2, 2)]
    centres = on_grid(made, on_lattice)
    leads = with_nearest(made.rows, made.preparation.layout, centres).select(
        (F.col(SECOND_SQUARE) - F.col(SQUARE)).alias("lead")
    )
    assert leads.agg(F.min("lead")).collect()[0][0] == 0  # the case that is meant
    clusters, built = segments_of(made, partition(made, centres), value=Value("b", adds_up=True))
    moved = with_nearest(made.rows, made.preparation.layout, built.rule.points).select(
        (F.col(SECOND_SQUARE) - F.col(SQUARE)).alias("lead")
    )
    assert moved.agg(F.min("lead")).collect()[0][0] >= CLEAR_MARGIN
    assert unlike(frozen(made, built.rule.points), made, built.rule.points) == 0
    moved_by = np.abs(np.sort(built.rule.points, axis=0) - np.sort(centres, axis=0)).max()
    assert moved_by * 2.0**-made.preparation.bits < 1e-3
    assert clusters.tied == 0
    # What is published of the segments is of the centres that were frozen.
    assert clusters.partition == partition(made, clusters.partition.centres)
    assert sorted(clusters.partition.centres.tolist()) == sorted(built.rule.points.tolist())
    assert sum(segment.customers for segment in built.segments) == made.audit.usable


@pytest.mark.parametrize(
    ("factor", "weight"), rotation(product((1e-98, 1e-30, 1e97), (1e-6, 1e6)), daily=2)
)
def test_amounts_of_any_size_are_labelled_as_the_table_does(spark, factor, weight):
    random = np.random.default_rng(3)
    a, b = random.normal(50, 20, (2, 300)).clip(0) * factor
    numeric = [{"name": "a", "weight": weight}, "b"]
    made = prepared(table(spark, a=a, b=b), numeric=numeric, features={"transform": "none"})
    points = made.rows.select(*made.coordinates).orderBy(*made.coordinates).toPandas().to_numpy()
    centres = np.asarray(points[[0, 100, 200]], dtype=np.float64)
    assert unlike(frozen(made, centres), made, centres) == 0


def test_customers_who_stay_tied_are_counted(spark, monkeypatch):
    made = lattice(spark)
    centres = on_grid(made, [(1, 1), (3, 1), (1, 3), (3, 3)])
    monkeypatch.setattr("segmentation.clustering.ties.MAX_STEPS", ())
    clusters, built = segments_of(made, partition(made, centres), value=None)
    assert clusters.tied == 2 * 9  # the cross in the middle of five by five, each twice
    assert sorted(built.rule.points.tolist()) == sorted(centres.tolist())


def test_a_lead_of_one_square_of_the_grid_is_enough_for_mllib(spark):
    """Beside an outlier customers are few steps apart, where a lead of 1 is the least there is."""
    values = [0.0, 1.0, 2.0, 3.0, 2.0**24]
    made = prepared(table(spark, a=values, b=values[::-1]), features=RAW)
    points = np.array(sorted(map(tuple, made.scaled * 2.0**made.preparation.bits)))
    for centres in (points[[0, 1]], points[[1, 2, 4]], points):
        leads = with_nearest(made.rows, made.preparation.layout, centres).select(
            (F.col(SECOND_SQUARE) - F.col(SQUARE)).alias("lead")
        )
        if leads.agg(F.min("lead")).collect()[0][0] >= CLEAR_MARGIN:
            assert unlike(frozen(made, centres), made, centres) == 0


def test_centres_without_ties_stay_where_they_are(made, centres):
    _, built = segments_of(made, partition(made, centres), value=Value("c", adds_up=True))
    assert sorted(built.rule.points.tolist()) == sorted(centres.tolist())
    means = [segment.value_mean or 0.0 for segment in built.segments]
    assert means == sorted(means, reverse=True)
    labels = frozen(made, built.rule.points).transform(made.usable).groupBy(SEGMENT)
    found = {row[SEGMENT]: row["mean"] for row in labels.agg(F.mean("c").alias("mean")).collect()}
    assert [found[i] for i in range(len(means))] == pytest.approx(means, rel=1e-6)


def test_profiles_are_in_original_units(made, centres):
    _, built = segments_of(made, partition(made, centres), value=Value("c", adds_up=True))
    first = [p for p in built.profiles if p.segment == 0]
    for j, profile in enumerate(first):
        own = made.preparation.original(j, built.rule.points[0][j])
        assert profile.centroid == own
        assert 10 < own < 70  # where the groups were planted
