"""One Spark session for all tests of a process; started only by the tests that ask for it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from segmentation.runtime.java import java_home
from segmentation.runtime.session import build_session
from tests import rotation

SPARK_PATH = str(Path(pyspark.__file__).parents[1])
"""Where this PySpark is imported from: with scripts/test --spark not where the others are."""

settings.register_profile("unhurried", deadline=None)  # a slow machine is no failure
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run the long tests whole as well")


def pytest_configure(config: pytest.Config) -> None:
    """The examples of Hypothesis are the day's, as everything else that is drawn."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(rotation.SEED)


def pytest_report_header() -> str:
    day = rotation.TODAY
    return f"drawn for {day}: SEGMENTATION_DAY={day} scripts/test repeats it on another day"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        long = pytest.mark.skip(reason="takes long: scripts/test --thorough")
        later = pytest.mark.skip(reason="of another day: scripts/test --thorough")
        for item in items:
            turn = item.get_closest_marker("turn")
            if item.get_closest_marker("thorough"):
                item.add_marker(long)
            elif turn is not None and not rotation.is_turn(*turn.args, **turn.kwargs):
                item.add_marker(later)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The time of each tier, set-up and tear-down of its tests included."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                tier = Path(report.nodeid.partition("::")[0]).parent.name
                seconds[tier] += report.duration
    if seconds:
        told = ", ".join(f"{tier} {time:.0f} s" for tier, time in sorted(seconds.items()))
        terminalreporter.write_line(f"time by tier: {told}")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A small local session. Code under test that builds a session is handed this one."""
    os.environ["JAVA_HOME"] = java_home()
    conf = {
        "spark.master": "local[2]",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    # As the command starts it for few customers: generated code, by HotSpot's first compiler. The
    # second takes a quarter more of two cores that two processes share.
    session = build_session("tests", conf=conf, is_short_lived=True)
    yield session
    session.stop()


INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""No generated code: compiling it takes longer than the few rows of most tests."""

GENERATED_EVERY = 3
"""Days after which a file has generated code again, as the command has it."""


@pytest.fixture(scope="module")
def interpreted(spark: SparkSession) -> Iterator[None]:
    """Every expression is interpreted and none compiled."""
    before = {key: str(spark.conf.get(key)) for key in INTERPRETED}
    for key, value in INTERPRETED.items():
        spark.conf.set(key, value)
    yield
    for key, value in before.items():
        spark.conf.set(key, value)


def _is_generated(file: Path) -> bool:
    """Whether this is the file's day; a third of the files of a folder have the same."""
    place = sorted(each.name for each in file.parent.glob("test_*.py")).index(file.name)
    return rotation.is_turn(place % GENERATED_EVERY, of=GENERATED_EVERY)


@pytest.fixture(scope="module", autouse=True)
def _code_of_the_day(request: pytest.FixtureRequest) -> None:
    """Generated code by turns; with --thorough, or the mark ``generated``, always."""
    has_spark = any(
        "spark" in getattr(item, "fixturenames", ())
        for item in request.session.items
        if item.path == request.path
    )
    is_marked = request.node.get_closest_marker("generated") is not None
    is_always = is_marked or request.config.getoption("--thorough")
    if has_spark and not is_always and not _is_generated(request.path):
        request.getfixturevalue("interpreted")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real customer files beside the repository; skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real customer files are not in {folder}")
    return folder
