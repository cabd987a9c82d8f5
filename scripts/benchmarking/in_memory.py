"""Contestant (c): scikit-learn in memory, one start per k. The knee of the costs chooses k."""

import os

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from kneed import KneeLocator
from sklearn.cluster import KMeans

from scripts.benchmarking.scaling import scale_units
from scripts.benchmarking.task import Answer, Laps, Task, fit_step


def main() -> None:
    """Read, scale, fit every k, write the labels of the chosen one."""
    task, laps = Task.given(), Laps()
    customers = pq.read_table(task.table).to_pandas(strings_to_categorical=True)
    laps("read")

    encoded = [one_hot(customers[name], top=task.top) for name in task.categories]
    scaled = np.hstack([np.log1p(customers[task.features].to_numpy(dtype=np.float64)), *encoded])
    widths = [1] * len(task.features) + [shares.shape[1] for shares in encoded]
    means, units = scaled.mean(axis=0), scale_units(scaled.var(axis=0, ddof=1), widths)
    scaled -= means
    scaled /= units
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

    centres = {k: (model.cluster_centers_ * units + means).tolist() for k, model in models.items()}
    Answer(centres, laps.steps, chosen).write(task)
    # pyarrow's threads now and then abort an interpreter that ends right after they wrote a
    # partitioned table: github.com/apache/arrow/issues/36389. This ends without taking leave.
    os._exit(0)


def one_hot(column: pd.Series, *, top: int) -> npt.NDArray[np.float64]:
    """A row per customer: 1 for the value that it has, of the ``top`` most frequent, else last."""
    counts = column.value_counts()
    ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
    labels = sorted(ranked[:top])
    codes = pd.Categorical(column, categories=labels).codes.astype(np.int64)
    codes[codes < 0] = len(labels)
    shares = np.zeros((len(column), len(labels) + (len(ranked) > top)))
    shares[np.arange(len(column)), codes] = 1
    return shares


if __name__ == "__main__":
    main()
