"""Contestant (b): the loop that a Spark user writes. The silhouette chooses k."""

from collections.abc import Sequence

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import (
    ElementwiseProduct,
    OneHotEncoder,
    StandardScaler,
    StringIndexer,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from scripts.benchmarking.scaling import scale_units
from scripts.benchmarking.task import Answer, Laps, Task, fit_step


def main() -> None:
    """Read, scale, fit every k, write the labels of the best."""
    task, laps = Task.given(), Laps()
    spark = SparkSession.builder.appName("MLlib loop").getOrCreate()
    laps("start Spark")

    customers = spark.read.parquet(task.table)
    logs = [F.log1p(name).alias(f"log_{name}") for name in task.features]
    encoded, values = one_hot(customers.select("*", *logs), task.categories)
    assembler = VectorAssembler(
        inputCols=[f"log_{name}" for name in task.features]
        + [f"shares_{name}" for name in task.categories],
        outputCol="features",
    )
    assembled = assembler.transform(encoded)
    scaler = StandardScaler(inputCol="features", outputCol="standard", withMean=True, withStd=True)
    standard = scaler.fit(assembled)
    means, deviations = standard.mean.toArray(), standard.std.toArray()
    widths = [1] * len(task.features) + [len(labels) for labels in values]
    units = scale_units(deviations**2, widths)
    weigh = ElementwiseProduct(
        inputCol="standard", outputCol="scaled", scalingVec=Vectors.dense(deviations / units)
    )
    scaling = PipelineModel([standard, weigh])
    scaled = scaling.transform(assembled).select("scaled").cache()
    scaled.count()
    laps("read, scale, cache")

    evaluator = ClusteringEvaluator(featuresCol="scaled")
    models, silhouettes = {}, {}
    for k in task.ks:
        models[k] = KMeans(featuresCol="scaled", k=k, seed=task.seed).fit(scaled)
        silhouettes[k] = evaluator.evaluate(models[k].transform(scaled))
        laps(fit_step(k))

    best = max(silhouettes, key=lambda k: silhouettes[k])
    labelled = models[best].transform(scaling.transform(assembled))
    segment = F.col("prediction").alias("segment")
    labelled.select(*customers.columns, segment).write.partitionBy("segment").parquet(task.labelled)
    laps("write labelled")

    order = alphabetical(len(task.features), values)
    centres = {
        k: [(centre * units + means)[order].tolist() for centre in model.clusterCenters()]
        for k, model in models.items()
    }
    Answer(centres, laps.steps, best).write(task)
    spark.stop()


def one_hot(
    customers: DataFrame, categories: Sequence[str]
) -> tuple[DataFrame, Sequence[Sequence[str]]]:
    """The table with a vector of shares per category, and the values in the vectors' order."""
    if not categories:
        return customers, []
    indexer = StringIndexer(
        inputCols=list(categories), outputCols=[f"index_{name}" for name in categories]
    ).fit(customers)
    encoder = OneHotEncoder(
        inputCols=indexer.getOutputCols(),
        outputCols=[f"shares_{name}" for name in categories],
        dropLast=False,
    )
    indexed = indexer.transform(customers)
    return encoder.fit(indexed).transform(indexed), indexer.labelsArray


def alphabetical(features: int, values: Sequence[Sequence[str]]) -> list[int]:
    """The dimensions with the values of each category in alphabetical order; numbers are first."""
    order = list(range(features))
    for labels in values:
        start = len(order)
        order += [start + int(at) for at in np.argsort(labels)]
    return order


if __name__ == "__main__":
    main()
