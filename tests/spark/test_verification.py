"""What is checked of a run before it is published: the renderings of one model agree."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import functions as F

from segmentation.errors import DataError
from segmentation.model.rules import NearestPrototype
from segmentation.model.spark_pipeline import pipeline_model
from segmentation.pipelines.labelling import StagedRows
from segmentation.pipelines.verification import (
    check_counts,
    check_model,
    check_rejected,
)
from segmentation.segments.profile import Value
from tests.spark.tables import fitted, labelled_rows, planted, prepared, segments_of, table


@pytest.fixture(scope="module")
def run(spark):
    """Planted customers, their segments, and the table of their labels."""
    values, _ = planted(300, groups=3, seed=4)
    made = prepared(table(spark, **dict(zip("abc", values.T, strict=True))))
    centres = made.scaled[[0, 1, 2]] * 2.0**made.preparation.bits
    partition = made.population.partitions([np.asarray(centres)])[0]
    _, built = segments_of(made, partition, value=Value("a", adds_up=True))
    labelled = labelled_rows(made, built, columns=made.usable.columns)
    return made, built, labelled.cache()


def other(rule):
    """The rule with its first two segments exchanged."""
    first, second, *others = rule.prototypes
    return NearestPrototype((second, first, *others))


def check(run, *, of_model=None, of_numpy=None, labelled=None):
    """The check with a rule of the model's own, or of numpy's own."""
    made, built, table = run
    spark = made.usable.sparkSession
    model = pipeline_model(spark, fitted(made.preparation, (of_model or built.rule).points))
    check_model(
        model,
        of_numpy or built.rule,
        table if labelled is None else labelled,
        preparation=made.preparation,
        labelled=made.audit.usable,
    )


def test_renderings_that_agree_pass(run):
    check(run)


def test_a_model_that_labels_otherwise_is_found(run):
    _, built, _ = run
    with pytest.raises(RuntimeError, match=r"put \d+ of 300 customers in different segments"):
        check(run, of_model=other(built.rule))


def test_a_rule_that_labels_otherwise_is_found(run):
    _, built, _ = run
    with pytest.raises(RuntimeError, match="in different segments"):
        check(run, of_numpy=other(built.rule))


def test_one_wrong_label_in_the_table_is_found(run):
    _, _, labelled = run
    nearest_to_a_border = labelled.orderBy("margin").first()
    is_it = F.col("a").eqNullSafe(nearest_to_a_border.a)
    own = F.when(is_it, F.col("runner_up")).otherwise(F.col("segment"))
    wrong = labelled.withColumn("segment", own)
    with pytest.raises(RuntimeError, match="put 1 of 300 customers"):
        check(run, labelled=wrong)


def test_rows_that_were_rejected_for_a_feature_have_no_segment(run, spark):
    made, built, _ = run
    model = pipeline_model(spark, fitted(made.preparation, built.rule.points))
    rows = "a double, b double, c double, reason string, reason_column string"
    rejected = spark.createDataFrame([(None, 1.0, 1.0, "null", "a")], rows)
    check_rejected(model, rejected, preparation=made.preparation)
    usable = spark.createDataFrame([(1.0, 1.0, 1.0, "null", "a")], rows)
    with pytest.raises(RuntimeError, match="labels 1 rejected rows"):
        check_rejected(model, usable, preparation=made.preparation)


def test_counts_that_changed_while_the_job_ran_are_the_operators_to_mend(run):
    made, built, _ = run
    sizes = {str(each.segment): each.customers for each in built.segments}
    staged = StagedRows(sizes, rejected=0, excluded_lines=2)
    check_counts(staged, audit=made.audit, segments=built.segments)
    with pytest.raises(DataError, match="run it again"):
        check_counts(replace(staged, rejected=1), audit=made.audit, segments=built.segments)
