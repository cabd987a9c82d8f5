"""A published run is read back as the records that were published, and its page with it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.cli import main
from segmentation.errors import StorageError
from segmentation.reporting.segment_page import render
from segmentation.results import CustomerSample, Report
from segmentation.schemas import COST_CURVE, PLOT_SAMPLE, SEGMENT_PROFILE, SEGMENTS
from segmentation.storage import pointer
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun
from segmentation.storage.writers import write_rows
from tests.random_report import random_report
from tests.report_example import example_report


def publish(report, output):
    """The run of a report, as the job writes it."""
    output.mkdir(exist_ok=True)
    folder = Folder.at(str(output)).child(f"run={report.run.run}")
    for table, records in (
        (COST_CURVE, report.cost_curve),
        (SEGMENTS, report.segments),
        (SEGMENT_PROFILE, report.profiles),
        (PLOT_SAMPLE, report.sample.records()),
    ):
        write_rows(records, folder.child(table.name), columns=table.columns)
    folder.write("manifest.json", json.dumps(report.run.as_json()))
    folder.write("report.html", render(report, min_group=10))
    pointer.point_at(Folder.at(str(output)), report.run.run)
    return output


REPORTS: dict[str, Callable[[], Report]] = {
    "example": example_report,
    "odd names": lambda: example_report(features=("a, b", "=1+1", "Größe"), has_value_share=False),
    "random": lambda: random_report(0).report,
    "small groups": lambda: random_report(1).report,
    "groups": lambda: with_sample(
        CustomerSample({"spend": (1.5, -0.0), "visits": (2.0, 1e300)}, (1, 0), (10, 12))
    ),
    "nothing to draw": lambda: with_sample(CustomerSample({}, ())),
}


def with_sample(sample):
    return replace(random_report(3).report, sample=sample)


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_read_and_rendered_again_is_what_was_published(name, tmp_path, capsys):
    report = REPORTS[name]()
    output = publish(report, tmp_path / "out")
    published = PublishedRun.open(Folder.at(str(output)))
    assert published.run == json_equal(report.run)
    assert published.cost_curve() == report.cost_curve
    assert published.segments() == report.segments
    assert published.profiles() == report.profiles
    assert published.plot_sample() == report.sample
    page = tmp_path / "page.html"
    main(["report", str(output), "--to", str(page)])
    assert capsys.readouterr().out == f"report: {page}\n"
    assert page.read_bytes() == (output / f"run={report.run.run}" / "report.html").read_bytes()


def json_equal(run):
    """The run with lists where its free-form parts had tuples, as JSON has no tuples."""
    free = {name: json.loads(json.dumps(getattr(run, name))) for name in ("input", "config")}
    return replace(run, **free)


@pytest.fixture
def output(tmp_path):
    return publish(example_report(), tmp_path / "out")


def status(*arguments):
    try:
        main([str(each) for each in arguments])
    except SystemExit as stopped:
        return stopped.code
    return 0


def test_a_page_goes_beside_or_to_standard_output(output, tmp_path, capsysbinary, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (run,) = output.glob("run=*")
    name = run.name.removeprefix("run=")
    assert status("report", output) == 0
    target = tmp_path / f"report-{name}.html"
    assert capsysbinary.readouterr().out.decode() == f"report: {target}\n"
    assert status("report", output, "--run", name, "--to", "-") == 0
    assert capsysbinary.readouterr().out == target.read_bytes()
    assert target.read_bytes() == (run / "report.html").read_bytes()


def test_a_published_run_is_never_changed_by_a_page(output, tmp_path, capsys, monkeypatch):
    (run,) = output.glob("run=*")
    before = (run / "report.html").read_bytes()
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(run)
    for target in ("report.html", run / "other.html", tmp_path / "link" / "x.html", "a/b.html"):
        assert status("report", output, "--to", target) == 2
        said = capsys.readouterr().err
        assert "lies in a published run, which is never changed; name another one" in said
    assert status("report", output, "--to", tmp_path / "none" / "x.html") == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
    assert (run / "report.html").read_bytes() == before
    assert not (run / "other.html").exists()


def damaged(folder, change):
    rows = pq.read_table(folder).to_pylist()
    shutil.rmtree(folder)
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([change(row) for row in rows]), folder / "part-0.parquet")


@pytest.mark.parametrize("table", ["segments", "cost_curve", "segment_profile", "plot_sample"])
def test_a_damaged_table_is_one_line(table, output, tmp_path, capsys):
    (run,) = output.glob("run=*")
    command = ("report", output, "--to", tmp_path / "page.html")
    column = {"segments": "share", "cost_curve": "k"}.get(table, "feature")
    damaged(run / table, lambda row: {name: row[name] for name in row if name != column})
    assert status(*command) == 2
    said = capsys.readouterr().err
    assert f"{table} is damaged: row 0.{column}: Field required; choose another run" in said
    (run / table / "part-0.parquet").write_bytes(b"no Parquet")
    assert status(*command) == 2
    assert f"{table} cannot be read: " in capsys.readouterr().err
    shutil.rmtree(run / table)
    assert status(*command) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{table} cannot be read: " in said
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"version": 99}', '{"version": 1}'])
def test_a_damaged_model_is_one_line(content, output):
    (run,) = output.glob("run=*")
    (run / "model").mkdir()
    (run / "model" / "fitted.json").write_text(content)
    with pytest.raises(StorageError, match=r"fitted\.json is damaged, or of a newer v") as raised:
        PublishedRun.open(Folder.at(str(output))).model()
    assert "\n" not in str(raised.value)


def test_a_run_that_is_not_there_is_told_apart_from_an_empty_folder(output, tmp_path):
    with pytest.raises(StorageError, match="has no run z: segment runs lists them"):
        PublishedRun.open(Folder.at(str(output)), "z")
    (output / "latest.json").unlink()
    with pytest.raises(StorageError, match="names no complete run: run segment repair"):
        PublishedRun.open(Folder.at(str(output)))
    with pytest.raises(StorageError, match="has no run yet"):
        PublishedRun.open(Folder.at(str(tmp_path / "nothing")))


@pytest.mark.parametrize("command", ["--help", "runs", "show", "report"])
def test_help_and_what_only_reads_load_no_spark(command, output, tmp_path):
    """They come at once: an import of Spark alone takes a second."""
    arguments = [command] if command == "--help" else [command, str(output)]
    program = (
        "import sys\nfrom segmentation.cli import main\nmain(sys.argv[1:])\n"
        "sys.exit('pyspark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program, *arguments], cwd=tmp_path,
                          env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
