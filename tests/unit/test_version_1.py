"""A run that version 1 published is listed, shown, rendered and rolled back to, without Spark."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from segmentation.cli import main
from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder
from segmentation.storage.run_reader import PublishedRun
from segmentation.storage.version_1 import profiles

OUTPUT = Path(__file__).parents[1] / "data" / "run_of_version_1"


@pytest.fixture(scope="module")
def published():
    return PublishedRun.open(Folder.at(str(OUTPUT)))


def test_it_is_listed(capsys):
    main(["runs", str(OUTPUT)])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "old" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["◆", "old", "2026-11-26 10:18", "3", "weak", "", "239", "1"]


def test_it_is_shown(capsys):
    main(["show", str(OUTPUT), "--run", "old"])
    said = capsys.readouterr().out
    segments, curve = said.split("┌" if "┌" in said else "┏")[1:]
    assert {"mean", "monetary"} <= set(re.findall(r"\w+", segments))
    assert {"least", "stability"} <= set(re.findall(r"\w+", curve))
    row = next(line for line in curve.splitlines() if "◆" in line)
    stability = row.strip("│").split("│")[-1].strip()
    assert 0 < float(stability) < 1  # least_stability, as it was called


def test_its_manifest_is_in_the_words_of_today(published):
    manifest = json.loads((OUTPUT / "run=old" / "manifest.json").read_text())
    run = published.run
    assert run.schema_version == 1
    assert [each.reason for each in run.rejections] == ["unknown_band"]
    assert manifest["rejections"][0]["reason"] == "not_in_order"
    assert run.transactions is not None
    assert sum(each.rows for each in run.transactions.excluded) == 3
    assert run.transactions.excluded_lines == 3
    assert run.choice.setting == {"k": 3}
    assert run.choice.against == (
        "the elbow (Kneedle) favours 2",
        "the drop in log cost favours 2",
        "the silhouette favours 2",
        "Calinski-Harabasz favours 2",
        "Davies-Bouldin favours 2",
        "stability favours 4",
    )
    assert run.choice.runners_up == (2, 4)
    kinds = {each.name: each.kind for each in run.features}
    assert kinds == {
        "frequency": "numeric",
        "monetary": "numeric",
        "age": "ordered",
        "since": "date",
        "news": "boolean",
        "plan = tin": "categorical",
        "plan = silver": "categorical",
        "plan = (other)": "categorical",
    }


def test_its_profiles_are_in_the_words_of_today(published):
    sizes = {each.segment: each.customers for each in published.segments()}
    assert sum(sizes.values()) == 239
    found = {(each.feature, each.value): each for each in published.profiles()}
    assert found["town", "Lyon"].kind == "categorical"
    assert not found["town", "Lyon"].used_for_clustering
    assert found["age", None].kind == "ordered"
    assert found["age", None].used_for_clustering
    assert all(each.known == sizes[each.segment] for each in found.values())


def test_its_model_is_no_data(published):
    with pytest.raises(StorageError, match=r"/model has no fitted\.json, which runs of version 1"):
        published.model()


def test_nobody_is_known_where_there_is_no_mean():
    row = {"segment": 0, "feature": "age", "value": None, "mean": None, "shapes": True}
    config = {"features": {"numeric": [{"name": "age"}]}}
    (found,) = profiles([row], sizes={0: 7}, config=config)
    assert (found["known"], found["kind"], found["used_for_clustering"]) == (0, "numeric", True)


def test_its_page_is_rendered_and_says_that_the_sample_is_missing(tmp_path, capsys):
    page = tmp_path / "page.html"
    main(["report", str(OUTPUT), "--to", str(page)])
    assert capsys.readouterr().out == f"report: {page}\n"
    html = page.read_text(encoding="utf-8")
    assert "239 customers fall into 3 segments" in html
    assert html.count("this run was published by an earlier version, which did not keep") == 1
    assert "the silhouette favours 2" in html
    assert not (OUTPUT / "run=old" / "report.html").exists()


def test_it_is_loaded_into_a_database(tmp_path, published):
    output = shutil.copytree(OUTPUT, tmp_path / "out")
    config = tmp_path / "night.toml"
    config.write_text(
        '[input]\npath = "x.csv"\n[features]\nnumeric = ["age"]\n'
        f'[output]\npath = "{output}"\ndatabase = "sqlite:///{tmp_path}/shop.db"\n'
    )
    main(["mirror", str(config)])
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        query = "SELECT k, min_stability FROM segmentation_cost_curve ORDER BY k"
        found = connection.execute(query).fetchall()
    connection.close()
    assert found == [(point.k, point.min_stability) for point in published.cost_curve()]
    assert found[2][1] is not None


def test_it_is_rolled_back_to_and_what_is_no_version_1_is_damaged(tmp_path, capsys):
    output = shutil.copytree(OUTPUT, tmp_path / "out")
    shutil.copytree(output / "run=old", output / "run=newer")
    path = output / "run=newer" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"created_at": "2026-11-27T00:00:00+00:00"}
    path.write_text(json.dumps(manifest))
    main(["rollback", str(output), "newer"])
    main(["rollback", str(output)])
    assert capsys.readouterr().out.splitlines() == ["current: newer", "current: old"]
    damages: list[dict[str, object]] = [
        {"transactions": {"lines": 3}}, {"config": None}, {"choice": {"k": 3}}, {"features": [1]},
    ]  # fmt: skip
    for change in damages:
        path.write_text(json.dumps(manifest | change))
        with pytest.raises(SystemExit):
            main(["show", str(output), "--run", "newer"])
        said = capsys.readouterr().err
        assert "manifest.json is damaged, or was written by another program: " in said
        assert said.count("\n") == 1
