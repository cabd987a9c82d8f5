"""The README's short commands, one after another in this process."""

import re
from pathlib import Path

import pytest

from segmentation.cli import main
from tests.jobs.test_readme_commands import CUSTOMERS, EXECUTED, SHORT, make_example
from tests.parts import EVIDENCE, MODEL, REPORT, left_out


@pytest.fixture
def example(tmp_path_factory):
    return make_example(tmp_path_factory.mktemp("example"))


@pytest.fixture
def notebook(spark):
    """A session with settings of its own."""
    own = {"spark.sql.session.timeZone": "Asia/Tokyo", "spark.sql.caseSensitive": "false"}
    before = {key: spark.conf.get(key) for key in own}
    for key, value in own.items():
        spark.conf.set(key, value)
    yield lambda: {key: spark.conf.get(key) for key in own} == own
    for key, value in before.items():
        spark.conf.set(key, value)


def test_a_command_in_this_process(example, notebook, tmp_path, monkeypatch, capsys):
    """Those that start a run by any name, one after another, with few customers."""
    monkeypatch.chdir(tmp_path)
    text = (example / "customers.toml").read_text()
    # The JVM of all tests does not follow into this folder.
    Path("customers.toml").write_text(text.replace("customers.csv", f"{example}/customers.csv"))
    outputs = {}
    for command in [command for command in EXECUTED if EXECUTED[command] == SHORT]:
        program, *words = command.replace("/data/segments", f"{tmp_path}/data").split()
        # the first run is whole
        with left_out(EVIDENCE, *([] if command == "scripts/run customers.toml" else [MODEL])):
            main(["run", *words] if program == "scripts/run" else words)
        outputs[command] = capsys.readouterr().out
        if command == "scripts/run customers.toml":
            # for rollback to leave
            with left_out(MODEL, REPORT):
                main(["run", "customers.toml", "--run-id", "zzz", "--set=sweep.k_max=3"])
            capsys.readouterr()
    assert notebook()
    assert (tmp_path / "data" / "run=2026-11" / "report.html").is_file()
    assert "nothing was written" in outputs["scripts/run customers.toml --dry-run"]
    assert f"{CUSTOMERS} usable" in outputs["scripts/run customers.toml --dry-run"]
    assert len(list(Path("out/customers").glob("run=*"))) == 4
    kept = outputs["scripts/run customers.toml --refresh keep"]
    assert "was kept, as refresh.policy asks" in kept
    fresh = outputs["scripts/run customers.toml --refresh fresh"]
    assert "was replaced by a fresh one, as refresh.policy asks" in fresh
    assert "survived" in outputs["segment compare out/customers"]
    assert len(list(Path().glob("comparison-*.html"))) == 1
    assert outputs["segment runs out/customers"].count("zzz") >= 1
    assert "report-zzz.html" in outputs["segment report out/customers"]
    assert "zzz" not in outputs["segment rollback out/customers"]
    assert re.match(r"segment \d+\.\d+\.\d+, Spark 4", outputs["segment --version"])
