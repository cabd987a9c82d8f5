"""Where executors write, and what is refused because the driver would look elsewhere."""

import os

import pytest

from segmentation.cli.startup import check_output, properties
from segmentation.config import Output
from segmentation.errors import ConfigError
from segmentation.runtime.object_stores import S3A_HADOOP, reach_object_stores

HERE = ("local", "local[*]", "local[2,3]", "local-cluster[2,1,1024]", "spark://127.0.0.1:7077")
ELSEWHERE = (
    "yarn",
    "k8s://https://host",
    "spark://host:7077",
    "sc://host:15002",
    "sc://127.example",
)


@pytest.mark.parametrize(
    "executors", [*HERE, "sc://localhost:15002", "sc://[::1]", "sc://localhost"]
)
def test_a_folder_of_this_machine_is_one_where_its_executors_write(executors):
    check_output(Output(path="out"), executors)


@pytest.mark.parametrize("executors", ELSEWHERE)
@pytest.mark.parametrize("path", ["out", "/srv/out", "file:///srv/out"])
def test_a_folder_of_this_machine_is_refused_where_others_write(executors, path):
    with pytest.raises(ConfigError, match=r"output\.path = .*output\.shared = true") as refused:
        check_output(Output(path=path), executors)
    assert executors in str(refused.value)
    check_output(Output(path=path, shared=True), executors)


@pytest.mark.parametrize("executors", [*HERE, *ELSEWHERE])
def test_an_address_that_all_reach_will_do(executors, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # else pyarrow asks where it is
    check_output(Output(path="s3a://bucket/segments"), executors)


def test_properties_are_pairs_of_sparks():
    assert properties(["spark.a=1", "spark.b=x=y"]) == {"spark.a": "1", "spark.b": "x=y"}
    for wrong in ("spark.a", "driver.memory=1g"):
        with pytest.raises(ConfigError, match=r"needs the form spark\.KEY=VALUE"):
            properties([wrong])


class Hadoop(dict[str, str]):
    """Hadoop's configuration as py4j shows it."""

    set = dict.__setitem__


def test_sparks_settings_of_s3_hold_for_pyarrow(monkeypatch):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "ENDPOINT_URL", "REGION", "SESSION_TOKEN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    users = "the user's"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", users)
    hadoop = Hadoop(
        {
            "fs.s3a.access.key": "AKIAEXAMPLE",
            "fs.s3a.secret.key": "of Spark",
            "fs.s3a.endpoint": "store:9000",
            "fs.s3a.connection.ssl.enabled": "false",
        }
    )
    reach_object_stores(hadoop)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIAEXAMPLE"
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == users
    assert os.environ["AWS_ENDPOINT_URL"] == "http://store:9000"
    assert "AWS_REGION" not in os.environ
    assert hadoop["fs.s3.impl"] == S3A_HADOOP
    del os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_ENDPOINT_URL"]


def test_an_implementation_of_s3_that_is_there_stays():
    hadoop = Hadoop({"fs.s3.impl": "com.amazon.ws.emr.hadoop.fs.EmrFileSystem"})
    reach_object_stores(hadoop)
    assert hadoop == {"fs.s3.impl": "com.amazon.ws.emr.hadoop.fs.EmrFileSystem"}
