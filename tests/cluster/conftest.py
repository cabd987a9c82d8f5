"""What the cluster tests share: an input, programs with their logs, and an application to talk to.

Every process started here is ended here, by its own id, and listens on loopback only. Where a
test fails, the ends of the logs of all that was running stand below it.
"""

import json
import os
import re
import subprocess
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

from segmentation.runtime.java import java_home
from segmentation.storage.demo import demo_customers
from tests.cluster.digests import Digest, digest
from tests.conftest import SPARK_PATH

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
START_S, RUN_S, END_S = 180, 900, 20
LOG_TAIL = 6_000

CUSTOMERS, COPIES, CONTRARIES = 12_000, 300, 40
SAMPLED, WHOLE = "sampled", "whole"
CORESET_SIZES = {SAMPLED: 1_000, WHOLE: 20_000}
"""Of some 12,000 distinct customers the one is a sample and the other holds them all."""

QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
    "spark.driver.bindAddress": LOOPBACK,
    "spark.driver.host": LOOPBACK,
    "spark.sql.shuffle.partitions": "3",
    "spark.sql.files.maxPartitionBytes": "4m",  # what opening a file counts for: a task a file
    # JVMs that live for a minute: a quarter less time.
    "spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.defaultJavaOptions": "-XX:TieredStopAtLevel=1",
}

DRIVER = f"""
import json, sys, traceback
sys.path.insert(0, {str(ROOT / "lib")!r})
from segmentation.cli import main
for line in sys.stdin:
    status = 0
    try:
        main(json.loads(line))
    except SystemExit as stop:
        status = stop.code
    except Exception:
        traceback.print_exc()
        status = 1
    print("ended with", status, flush=True)
"""
"""Runs the command as often as it is asked to, on one session; only the driver has the package."""

_running: list["Program"] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    if report.failed:
        for program in _running:
            report.sections.append((f"log of {program.name}", program.text()[-LOG_TAIL:]))
    return report


@dataclass
class Program:
    """A process with its log; whoever starts it leaves it by ``with``."""

    name: str
    command: Sequence[str | Path]
    folder: Path
    environment: Mapping[str, str]

    def __enter__(self) -> "Program":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{self.name}.log"
        with self.log.open("wb") as log:
            self.process = psutil.Popen(
                [str(part) for part in self.command],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        _running.append(self)
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        _running.remove(self)
        if error is not None:
            print(f"log of {self.name}: ...{self.text()[-LOG_TAIL:]}")
        assert self.process.stdin is not None
        self.process.stdin.close()
        family = self.family()
        for ask in ("terminate", "kill"):
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    getattr(member, ask)()
            _, family = psutil.wait_procs(family, timeout=END_S)
        assert not family, f"{self.name} left {family}"

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words: str, *, after: int = 0, timeout: float = START_S) -> int:
        """The place in the log behind the words, once they stand there."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.text().find(words, after)
            if found >= 0:
                return found + len(words)
            assert self.process.poll() is None, f"{self.name} ended before it said {words!r}"
            time.sleep(0.02)
        raise AssertionError(f"{self.name} did not say {words!r} in {timeout} s")

    def line_after(self, words: str) -> str:
        """The rest of the line in which the words stand, once it is complete."""
        start = self.wait_for(words)
        return self.text()[start : self.wait_for("\n", after=start) - 1]

    def family(self) -> list[psutil.Process]:
        """The process and its descendants, as many as there still are."""
        with suppress(psutil.NoSuchProcess):
            return [self.process, *self.process.children(recursive=True)]
        return []

    def open_to_others(self) -> list[str]:
        """The addresses, other than loopback's, on which it or its children listen."""
        found = []
        for member in self.family():
            with suppress(psutil.NoSuchProcess):
                found += [
                    f"{member.name()} on {connection.laddr}"
                    for connection in member.net_connections("inet")
                    if connection.status == psutil.CONN_LISTEN
                    and connection.laddr.ip.removeprefix("::ffff:") not in (LOOPBACK, "::1")
                ]
        return found


@dataclass
class Application:
    """One Spark application that segments customers as often as it is told to."""

    program: Program
    asked: int = field(default=0)

    def start(self, arguments: Sequence[str]) -> int:
        """Ask for a run; the place in the log at which it begins."""
        start = len(self.program.text())
        stdin = self.program.process.stdin
        assert stdin is not None
        stdin.write(json.dumps(list(arguments)).encode() + b"\n")
        stdin.flush()
        return start

    def status(self, start: int) -> int:
        """The exit status of the run that began there, once it has ended."""
        end = self.program.wait_for("ended with ", after=start, timeout=RUN_S)
        self.program.wait_for("\n", after=end)
        return int(self.program.text()[end:].split()[0])

    def scoring_s(self, start: int) -> float:
        """How long the scoring pass took of the run that began there."""
        said = re.search(r"segment: score: ([\d.]+) s", self.program.text()[start:])
        assert said is not None
        return float(said[1])

    def run(self, arguments: Sequence[str]) -> None:
        """A run that must end well."""
        assert self.status(self.start(arguments)) == 0


@dataclass(frozen=True)
class Machine:
    """What programs on this machine are given: a Spark, a Java, a Python without the package."""

    spark_home: Path
    python: Path

    def environment(self, **more: str) -> dict[str, str]:
        """The caller's environment less all that would leak this project or its settings in."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SPARK_", "PYSPARK_", "PYTHON", "SEGMENT", "LOG4J_"))
        }
        home = java_home()
        own = {
            "SPARK_HOME": str(self.spark_home),
            "SPARK_LOCAL_IP": LOOPBACK,
            "PYSPARK_PYTHON": str(self.python),
            "PYTHONUNBUFFERED": "1",
        }
        return kept | own | ({"JAVA_HOME": home} if home else {}) | more

    def application(self, master: str, folder: Path, **conf: str) -> Program:
        """The program of an :class:`Application`."""
        settings = QUIET | {"spark.master": master} | conf
        arguments = " ".join(f"--conf {key}={value}" for key, value in settings.items())
        environment = self.environment(PYSPARK_SUBMIT_ARGS=f"{arguments} pyspark-shell")
        name = master.replace("[", "-").replace("]", "").replace(",", "-")
        return Program(name, [self.python, "-c", DRIVER], folder, environment)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("machine")
    # Workers of local-cluster write below SPARK_HOME, whatever they are told.
    spark_home = folder / "spark"
    spark_home.mkdir()
    for part in Path(pyspark.__file__).parent.iterdir():
        (spark_home / part.name).symlink_to(part)
    # The packages of this Python, but not what its .pth files add: the package under test.
    venv.create(folder / "python", with_pip=False, symlinks=True)
    (site_packages,) = (folder / "python").glob("lib/python*/site-packages")
    # pyspark first: with scripts/test --spark it lies apart from the others
    folders = [SPARK_PATH, str(Path(pa.__file__).parents[1])]
    (site_packages / "packages.pth").write_text("\n".join(folders) + "\n")
    python = folder / "python" / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import pyspark, segmentation"],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'segmentation'" in found.stderr, found.stderr
    return Machine(spark_home, python)


@pytest.fixture(scope="session")
def customers() -> pa.Table:
    """Demo customers, some of them twice, and some rows that break the contract."""
    made = demo_customers(CUSTOMERS, seed=7)
    rows = pa.Table.from_pandas(made, preserve_index=False)
    contraries = rows.slice(0, CONTRARIES)
    amounts = [None, float("nan"), float("inf"), -1.0] * (CONTRARIES // 4)
    place = contraries.schema.get_field_index("money_spent")
    contraries = contraries.set_column(place, "money_spent", pa.array(amounts))
    return pa.concat_tables([rows, rows.slice(0, COPIES), contraries])


@dataclass(frozen=True)
class Inputs:
    """The same rows in several forms, and the arguments that segment one of them."""

    folder: Path
    rows: pa.Table

    def parquet(self, *, files: int, shuffled: int | None = None) -> Path:
        """The rows in so many Parquet files; in another order if shuffled."""
        order = np.arange(len(self.rows))
        if shuffled is not None:
            order = np.random.default_rng(shuffled).permutation(order)
        folder = self.folder / f"{files}-files-{shuffled}"
        if not folder.exists():
            folder.mkdir(parents=True)
            for i, part in enumerate(np.array_split(order, files)):
                pq.write_table(self.rows.take(pa.array(part)), folder / f"{i:03}.parquet")
        return folder

    def arguments(self, input: Path, output: Path, path: str, *, run_id: str = "it") -> list[str]:
        """The command line that segments the input; ``path`` is ``SAMPLED`` or ``WHOLE``."""
        config = self.folder / "config.toml"
        config.write_text(
            "[input]\npath = 'given'\nformat = 'parquet'\ncustomer_id = 'customer_id'\n"
            "[features]\nnumeric = ['products_purchased', 'complains', 'money_spent']\n"
            "[sweep]\nk_min = 2\nk_max = 3\n[choose]\nk = 3\n[output]\npath = 'given'\n"
        )
        return [
            *("run", str(config), "--output", str(output), "--run-id", run_id),
            *("--set", f"input.path={json.dumps(str(input))}"),
            *("--set", f"sweep.coreset_size={CORESET_SIZES[path]}"),
        ]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, customers: pa.Table) -> Inputs:
    return Inputs(tmp_path_factory.mktemp("inputs"), customers)


@pytest.fixture(scope="session")
def local_cluster(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    """An application whose two executors are processes of their own."""
    folder = tmp_path_factory.mktemp("local-cluster")
    with machine.application("local-cluster[2,1,1024]", folder) as program:
        yield Application(program)


@dataclass(frozen=True)
class Undisturbed:
    """A run on executors of their own: its input, where it was written, its scoring pass's time."""

    input: Path
    run: Path
    scoring_s: float


@pytest.fixture(scope="session")
def undisturbed(
    local_cluster: Application, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """A sampled run of ``local_cluster`` on many files."""
    output = tmp_path_factory.mktemp("undisturbed")
    layout = inputs.parquet(files=32, shuffled=5)
    start = local_cluster.start(inputs.arguments(layout, output, SAMPLED))
    assert local_cluster.status(start) == 0
    return Undisturbed(layout, output / "run=it", local_cluster.scoring_s(start))


@pytest.fixture(scope="session")
def reference(
    machine: Machine, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Digest]]:
    """The answer of a machine with one core to one file, for a kind of coreset."""
    folder = tmp_path_factory.mktemp("reference")
    with machine.application("local[1]", folder) as program:
        application = Application(program)

        @cache
        def answer(path: str) -> Digest:
            output = folder / path
            application.run(inputs.arguments(inputs.parquet(files=1), output, path))
            return digest(output / "run=it")

        yield answer
