"""The command as a client of a Spark Connect server, which has no part of the package."""

import socket

import pytest

from tests.cluster.conftest import LOOPBACK, QUIET, ROOT, RUN_S, SAMPLED, WHOLE, Program
from tests.cluster.digests import digest

pytestmark = [pytest.mark.cluster, pytest.mark.turn(3, of=5)]


@pytest.fixture(scope="module")
def server(machine, tmp_path_factory):
    """A Spark Connect server on two cores; what it yields is its port and its program."""
    pytest.importorskip("grpc", reason="the client of Spark Connect needs grpcio")
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    settings = QUIET | {
        "spark.log.level": "INFO",
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [
        *(machine.spark_home / "bin" / "spark-submit", "--master", "local[2]"),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
        "spark-internal",
    ]
    folder = tmp_path_factory.mktemp("connect")
    with Program("connect-server", command, folder, machine.environment()) as program:
        program.wait_for("Spark Connect server started at")
        yield port, program


@pytest.mark.parametrize("path", [SAMPLED, pytest.param(WHOLE, marks=pytest.mark.thorough)])
def test_a_remote_session_publishes_what_a_local_one_does(
    server, machine, inputs, reference, tmp_path, path
):
    port, program = server
    layout = inputs.parquet(files=7, shuffled=1)
    environment = machine.environment(
        SPARK_REMOTE=f"sc://{LOOPBACK}:{port}", PYTHONPATH=str(ROOT / "lib")
    )
    del environment["JAVA_HOME"]  # a client starts no Java
    command = [machine.python, "-m", "segmentation"]
    command += inputs.arguments(layout, tmp_path / "out", path)
    with Program("client", command, tmp_path / "elsewhere", environment) as client:
        assert client.process.wait(RUN_S) == 0
        assert program.open_to_others() == []
        assert digest(tmp_path / "out" / "run=it") == reference(path)
