"""Contestant (b): the loop that a Spark user writes. The silhouette chooses k."""

from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from scripts.benchmarking.task import Answer, Laps, Task, fit_step


def main() -> None:
    """Read, scale, fit every k, write the labels of the best."""
    task, laps = Task.given(), Laps()
    spark = SparkSession.builder.appName("MLlib loop").getOrCreate()
    laps("start Spark")

    customers = spark.read.parquet(task.table)
    logs = [F.log1p(name).alias(f"log_{name}") for name in task.features]
    assembler = VectorAssembler(
        inputCols=[f"log_{name}" for name in task.features], outputCol="features"
    )
    assembled = assembler.transform(customers.select("*", *logs))
    scaler = StandardScaler(inputCol="features", outputCol="scaled", withMean=True, withStd=True)
    scaling = scaler.fit(assembled)
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

    means, deviations = scaling.mean.toArray(), scaling.std.toArray()
    centres = {
        k: [(centre * deviations + means).tolist() for centre in model.clusterCenters()]
        for k, model in models.items()
    }
    Answer(centres, laps.steps, best).write(task)
    spark.stop()


if __name__ == "__main__":
    main()
