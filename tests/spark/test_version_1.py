"""The model of a run that version 1 published labels customers as that run did."""

from pathlib import Path

from pyspark.sql import functions as F

from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun

OUTPUT = Path(__file__).parents[1] / "data" / "run_of_version_1"


def test_the_model_labels_as_the_published_customers(spark):
    published = PublishedRun.open(Folder.at(str(OUTPUT)), "old")
    customers = published.customers(spark)
    features = [name for name in customers.columns if name not in ("segment", "distance", "margin")]
    labels = published.pipeline_model().transform(
        customers.select(*features, F.col("segment").alias("published"))
    )
    counts = labels.groupBy("segment", "published").count().collect()
    found = {(row["segment"], row["published"]): row["count"] for row in counts}
    assert set(found) == {(0, 0), (1, 1), (2, 2)}
    assert [found[each.segment, each.segment] for each in published.segments()] == [
        each.customers for each in published.segments()
    ]
