"""Contestant (c): scikit-learn in memory, one start per k. The knee of the costs chooses k."""

import os

import numpy as np
import pyarrow.parquet as pq
from kneed import KneeLocator
from sklearn.cluster import KMeans

from scripts.benchmarking.task import Answer, Laps, Task, fit_step


def main() -> None:
    """Read, scale, fit every k, write the labels of the chosen one."""
    task, laps = Task.given(), Laps()
    customers = pq.read_table(task.table).to_pandas()
    laps("read")

    logs = np.log1p(customers[task.features].to_numpy(dtype=np.float64))
    means, deviations = logs.mean(axis=0), logs.std(axis=0, ddof=1)
    scaled = (logs - means) / deviations
    laps("scale")

    models = {}
    for k in task.ks:
        models[k] = KMeans(k, n_init=1, random_state=task.seed).fit(scaled)
        laps(fit_step(k))

    costs = [model.inertia_ for model in models.values()]
    knee = KneeLocator(list(models), costs, curve="convex", direction="decreasing").knee
    chosen = int(knee or task.ks[-1])
    customers["segment"] = models[chosen].labels_
    customers.to_parquet(task.labelled, partition_cols=["segment"], index=False)
    laps("write labelled")

    centres = {
        k: (model.cluster_centers_ * deviations + means).tolist() for k, model in models.items()
    }
    Answer(centres, laps.steps, chosen).write(task)
    # pyarrow's threads now and then abort an interpreter that ends right after they wrote a
    # partitioned table: github.com/apache/arrow/issues/36389. This ends without taking leave.
    os._exit(0)


if __name__ == "__main__":
    main()
