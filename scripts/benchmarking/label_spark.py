"""Label a table with a published PipelineModel, in a session that has no ``segmentation``."""

import sys

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from scripts.benchmarking.task import Answer, Laps, Task

LOAD, FIRST, SECOND = "load the model", "first pass", "second pass"


def main() -> None:
    """Load the model, label the table twice: the first time on a cold JVM."""
    sys.modules["segmentation"] = None  # type: ignore[assignment]
    (model, task), laps = Task.given_with_model(), Laps()
    spark = SparkSession.builder.appName("labels").getOrCreate()
    laps("start Spark")
    labelling = PipelineModel.load(model)
    laps(LOAD)
    labelled = labelling.transform(spark.read.parquet(task.table))
    found = labelled.select(task.customer_id, "segment")
    for step in (FIRST, SECOND):
        found.write.mode("overwrite").parquet(task.labelled)
        laps(step)
    Answer({}, laps.steps).write(task)
    spark.stop()


if __name__ == "__main__":
    main()
