"""Every command of the README is run by a test, or is marked there as not run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import psutil
import pytest

from segmentation.runtime.java import java_home
from segmentation.storage.demo import demo_customers
from tests.rotation import rotation

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_RUN = "# not run by the tests"
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
CUSTOMERS = 120
JOBS_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (INFO|WARNING) segment: ")

SHORT = "test_short_commands.py::test_a_command_in_this_process"
WHOLE = "test_a_command_as_it_is_written"
EXECUTED = {
    "scripts/run": WHOLE,
    "scripts/run customers.toml": SHORT,
    "scripts/run customers.toml --dry-run": SHORT,
    "scripts/run customers.toml --set sweep.k_max=20 --set choose.k=6 "
    "--output /data/segments --run-id 2026-11": SHORT,
    "scripts/run customers.toml --conf spark.driver.memory=6g": WHOLE,
    "pip install .": "test_pip_install_in_an_empty_environment",
    "segment run customers.toml": "test_the_installed_command_is_quiet_and_closed",
    "segment --version": SHORT,
    "segment runs out/customers": SHORT,
    "segment show out/customers": SHORT,
    "segment report out/customers": SHORT,
    "segment rollback out/customers": SHORT,
    "scripts/run customers.toml --refresh keep": SHORT,
    "scripts/run customers.toml --refresh fresh": SHORT,
    "segment compare out/customers": SHORT,
    "segment mirror conf/mine.toml": "../unit/test_downstream.py::"
    "test_segment_mirror_brings_the_database_up_to_the_current_run",
    "segment repair out/customers": "../unit/test_damaged_output.py::test_repair_says_what_it_did",
    "scripts/package": "test_scripts.py::test_package_is_the_same_bytes_from_the_same_sources",
}
"""The commands that can be run here, and what runs them: a test here, or in another file."""

HDFS = """<configuration>
<property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:9</value></property>
</configuration>"""


def commands() -> list[str]:
    """All commands of the README's sh blocks, whole and without comments."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        is_run = True
        for line in block.replace("\\\n", " ").splitlines():
            if NOT_RUN in line:
                is_run = False
            elif not line.strip():
                is_run = True
            elif is_run:
                words = shlex.split(line, comments=True)
                if words:
                    found.append(" ".join(words))
    return found


def test_every_command_is_run_or_said_not_to_be():
    assert set(commands()) == set(EXECUTED)
    for test in EXECUTED.values():
        file, _, name = test.rpartition("::")
        there = Path(__file__).parent / file if file else Path(__file__)
        assert f"def {name}(" in there.read_text(), test


def make_example(folder: Path) -> Path:
    """The folder with the README's example: its configuration, and customers of its columns."""
    (block,) = re.findall(r"```toml\n(# customers\.toml\n.*?)```", README, re.DOTALL)
    demo_customers(CUSTOMERS, seed=1).to_csv(folder / "customers.csv", index=False)
    (folder / "customers.toml").write_text(block)
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return make_example(tmp_path_factory.mktemp("example"))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A user's, with nothing in it about this project, Spark or Python."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    java = {"JAVA_HOME": java_home()}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(folder), **java, **more}


def check_run(command, *, folder, env, cwd=None):
    """Run a command; it ends well, says only what the job says, and opens no port to others."""
    errors, opened = folder / "stderr", set()
    with errors.open("w") as stderr, (folder / "stdout").open("w") as stdout:
        process = psutil.Popen(command, cwd=cwd or folder, env=env, stdout=stdout, stderr=stderr)
        heard = 0
        while process.poll() is None:
            for member in [process, *process.children(recursive=True)]:
                try:
                    sockets = member.net_connections("inet")
                except psutil.Error:
                    continue
                listening = [s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN]
                heard += len(listening)
                opened |= {ip for ip in listening if ip not in LOOPBACK}
            time.sleep(0.5)
    said = errors.read_text()
    assert process.returncode == 0, said
    assert [line for line in said.splitlines() if not JOBS_LINE.match(line)] == []
    assert opened == set()
    assert heard > 0  # Spark's own, on loopback: the check sees something
    return (folder / "stdout").read_text()


def in_folder(example, tmp_path):
    """A copy of the example that a test may write to."""
    return Path(shutil.copytree(example, tmp_path / "example"))


def test_the_installed_command_is_quiet_and_closed(example, tmp_path):
    """The wheel's own files, without the project's: settings, templates and all."""
    wheels, installed = tmp_path / "wheels", tmp_path / "installed"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = wheels.glob("spark_customer_segments-*.whl")
    shutil.unpack_archive(wheel, installed, "zip")
    folder = in_folder(example, tmp_path)
    (folder / "core-site.xml").write_text(HDFS)  # a path without a scheme is one of this machine
    env = environment(
        folder,
        PYTHONPATH=str(installed),
        SEGMENT_CLASS_ARCHIVES="",
        HADOOP_CONF_DIR=str(folder),
    )
    command = [sys.executable, "-P", "-m", "segmentation", "run", "customers.toml"]
    out = check_run([*command, "--set", "sweep.k_max=4"], folder=folder, env=env)
    assert f"report: file://{folder}/out/customers/run=" in out
    assert (folder / "out" / "customers" / "latest" / "report.html").is_file()


@pytest.mark.parametrize(
    ("wrong", "said"),
    rotation(
        [
            ("spark.driver.memory=plenty", "Spark's JVM does not start: .*plenty"),
            ("spark.master=nonsense", "Spark's JVM does not start: .*Master must "),
            ("spark.master=local[many]", r"Spark does not start: .*local\[many\]"),
        ]
    ),
)
def test_a_property_that_spark_refuses_is_one_line(wrong, said, example, tmp_path):
    folder = in_folder(example, tmp_path)
    command = [sys.executable, "-P", "-m", "segmentation", "run", "customers.toml", "--conf", wrong]
    env = environment(folder, PYTHONPATH=str(ROOT / "lib"), SEGMENT_CLASS_ARCHIVES="")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(f"segment: {said}.*\n", done.stderr), done.stderr


@pytest.mark.thorough
def test_pip_install_in_an_empty_environment(example, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    pip = [str(programs / "pip"), "install", "--quiet", str(ROOT)]
    subprocess.run(pip, check=True, capture_output=True)
    folder = in_folder(example, tmp_path)
    for _ in range(2):  # the first leaves an archive of Spark's classes, the second reads it
        check_run(
            [str(programs / "segment"), "run", "customers.toml"],
            folder=folder,
            env=environment(folder),
        )
    assert len(list((tmp_path / "venv").glob("spark-classes-*"))) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("command", [each for each in EXECUTED if EXECUTED[each] == WHOLE])
def test_a_command_as_it_is_written(command, example, tmp_path):
    folder = in_folder(example, tmp_path)
    words = command.replace("scripts/run", str(ROOT / "scripts" / "run")).split()
    check_run(words, folder=folder, env=environment(folder))
    assert (folder / "out" / "customers" / "latest.json").is_file()
