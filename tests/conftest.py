"""One Spark session for all tests of a process; started only by the tests that ask for it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from segmentation.runtime.java import java_home
from segmentation.runtime.session import CALL_SITES, REQUIRED

UNCOMPILED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""For a few rows compiling code takes longer than running it: a fifth less time. Some tests run
it compiled, so that both ways are compared."""

SPARK_PATH = str(Path(pyspark.__file__).parents[1])
"""Where this PySpark is imported from: with scripts/test --spark not where the others are."""

settings.register_profile("unhurried", deadline=None)  # a slow machine is no failure
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run the long tests whole as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        long = pytest.mark.skip(reason="takes long: scripts/test --thorough")
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(long)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A small local session. Code under test that builds a session is handed this one."""
    scratch = tmp_path_factory.mktemp("spark")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["JAVA_HOME"] = java_home()
    builder = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.default.parallelism", "2")
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.local.dir", str(scratch / "local"))
    )
    for key, value in {CALL_SITES: "false", **UNCOMPILED}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    for key, value in REQUIRED.items():
        session.conf.set(key, value)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real customer files beside the repository; skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real customer files are not in {folder}")
    return folder
