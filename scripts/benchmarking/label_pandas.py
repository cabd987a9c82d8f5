"""Label a table with a published model in pandas, without Spark."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.benchmarking.task import Answer, Laps, Task
from segmentation.model.fitted import FittedModel
from segmentation.model.labelling import assign

READ, LABEL, WRITE = "read", "label", "write"


def main() -> None:
    """Read the table, label it, write the labels."""
    (model, task), laps = Task.given_with_model(), Laps()
    fitted = FittedModel.from_json(json.loads(Path(model, "fitted.json").read_text("utf-8")))
    customers = pq.read_table(task.table).to_pandas()
    laps(READ)
    segments = assign(fitted, customers)
    laps(LABEL)
    ids = pa.array(customers[task.customer_id])
    pq.write_table(pa.table({task.customer_id: ids, "segment": segments}), task.labelled)
    laps(WRITE)
    Answer({}, laps.steps).write(task)


if __name__ == "__main__":
    main()
