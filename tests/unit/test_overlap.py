"""An output within the input, which the next run would read."""

import pytest

from segmentation.config import load
from segmentation.config.overlap import is_within
from segmentation.errors import ConfigError


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("data", "data"),
        ("data/out", "data"),
        ("./data/../data/out/", "data/"),
        ("file:data/out", "data"),
        ("file:///a/out", "/a"),
        ("/a/out", "file://localhost/a"),
        ("data/out", "data/*"),
        ("data/out", "d?ta"),
        ("/a/[b]/out", "/a/[b]"),
        ("s3a://bucket/data/out", "s3://bucket/data"),
        ("S3://bucket/out", "s3a://bucket"),
        ("hdfs://nn/a/b", "hdfs://nn/a/*"),
        ("/out", "/"),
    ],
)
def test_within(folder, pattern):
    assert is_within(folder, pattern)


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("out", "data"),
        ("data", "data/2026"),
        ("data-out", "data"),
        ("data/out", "data/*.csv"),
        ("s3://bucket/data", "hdfs://bucket/data"),
        ("s3://other/data", "s3://bucket/data"),
        ("hdfs:///data/out", "/data"),
        ("out/customers", "out/demo/customers.csv"),
    ],
)
def test_not_within(folder, pattern):
    assert not is_within(folder, pattern)


def test_a_link_into_the_input_lies_within_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "data")
    assert is_within(f"{tmp_path}/out/runs", f"{tmp_path}/data")


@pytest.mark.parametrize(
    ("input_", "join", "named"),
    [
        ('"data"', "", "input.path = 'data'"),
        ('["x.csv", "data/*"]', "", "input.path = 'data/*'"),
        ('"x.csv"', '[[join]]\npath = "data"\nkey = "id"\n', "join.path = 'data'"),
    ],
)
def test_a_configuration_that_would_read_its_own_output_is_refused(tmp_path, input_, join, named):
    (tmp_path / "c.toml").write_text(
        f'[input]\npath = {input_}\ncustomer_id = "id"\n{join}[features]\nnumeric = ["age"]\n'
        '[output]\npath = "data/out"\n'
    )
    with pytest.raises(ConfigError, match=r"output\.path is 'data/out', which is or lies within"):
        load(tmp_path / "c.toml", overrides=())
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "c.toml", overrides=())
    assert named in str(refused.value)
