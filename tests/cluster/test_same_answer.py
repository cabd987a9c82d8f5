"""One answer to the last bit, whatever the layout of the input and wherever the job runs."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import SAMPLED, WHOLE
from tests.cluster.digests import FACTS, TABLES, digest
from tests.rotation import rotation

pytestmark = pytest.mark.cluster


@pytest.mark.turn(0, of=5)
def test_on_executors_of_their_own(local_cluster, undisturbed, reference):
    assert digest(undisturbed.run) == reference(SAMPLED)
    assert local_cluster.program.open_to_others() == []


@pytest.mark.turn(0, of=5)
@pytest.mark.parametrize(
    ("files", "shuffled", "path"),
    rotation([(7, 1, WHOLE), (2, None, SAMPLED), (64, 4, WHOLE), (64, 2, SAMPLED), (1, 3, WHOLE)]),
)
def test_of_any_layout(local_cluster, inputs, reference, tmp_path, files, shuffled, path):
    """Every file is a task of its own."""
    layout = inputs.parquet(files=files, shuffled=shuffled)
    local_cluster.run(inputs.arguments(layout, tmp_path, path))
    assert digest(tmp_path / "run=it") == reference(path)


@pytest.fixture
def published(tmp_path):
    """The least that a digest is taken of, made by hand; a function that makes it."""

    def publish(name, customers, *, files=1):
        run = tmp_path / name
        centre = {"clusterCenter": {"values": [0.5, -0.25]}}
        model = run / "model" / "stages"
        for folder in (model / "3_KMeans_x" / "data", model / "0_SQLTransformer_x" / "metadata"):
            folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([centre]), model / "3_KMeans_x/data/0.parquet")
        statement = {"paramMap": {"statement": "SELECT *"}}
        (model / "0_SQLTransformer_x/metadata/part-0").with_suffix(".txt").write_text(
            json.dumps(statement)
        )
        for table in TABLES:
            (run / table / "segment=1").mkdir(parents=True)
            rows = customers if table == "customers" else [{"k": 1, "cost": 2.0}]
            for i in range(files):
                part = pa.Table.from_pylist(
                    rows[i::files], schema=pa.Table.from_pylist(rows).schema
                )
                pq.write_table(part, run / table / "segment=1" / f"{i}.parquet")
        (run / "manifest.json").write_text(json.dumps(dict.fromkeys(FACTS, 1)))
        return digest(run)

    return publish


CUSTOMERS = [{"customer_id": "a", "distance": 0.1}, {"customer_id": "b", "distance": 0.2}]


def test_a_digest_knows_no_order_and_no_files(published):
    assert published("one", CUSTOMERS) == published("two", CUSTOMERS[::-1], files=2)


@pytest.mark.parametrize(
    "others",
    [
        [CUSTOMERS[0], {"customer_id": "b", "distance": math.nextafter(0.2, 1)}],
        [CUSTOMERS[0], {"customer_id": "c", "distance": 0.2}],
        [*CUSTOMERS, CUSTOMERS[1]],
    ],
    ids=["the last bit", "another customer", "one row twice"],
)
def test_a_digest_sees(published, others):
    assert published("one", CUSTOMERS) != published("two", others)
