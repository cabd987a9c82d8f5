"""Runs that continue one another: keys, moves, the decision on the model, and what refuses."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from segmentation.cli import main
from segmentation.model.fitted import DISTANCE_QUANTILES, FittedModel
from segmentation.model.labelling import points
from segmentation.numerics.grid_points import GridPoints
from segmentation.pipelines.as_before import points_of
from tests.jobs.conftest import Finished
from tests.months import written
from tests.parts import EVIDENCE, MODEL
from tests.rotation import rotation

CHAIN = ("first", "same", "warmer", "born")


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """The configuration of the planted months."""
    return written(tmp_path_factory.mktemp("months"))


@pytest.fixture(scope="module")
def night(segment, months):
    """The command ``segment run`` on one of the months."""

    def run(month, *arguments, output, run_id=None):
        folder = months.parent
        return segment(
            months,
            f"--set=input.path={folder / f'{month}.csv'}",
            f"--run-id={run_id or month}",
            *arguments,
            output=output,
            without=(MODEL, EVIDENCE),
        )

    return run


@pytest.fixture(scope="module")
def chain(night, tmp_path_factory):
    """The published runs of four months, by name."""
    output = tmp_path_factory.mktemp("chain") / "out"
    return {month: night(month, output=output) for month in CHAIN}


@pytest.fixture
def copied(chain, tmp_path):
    """A folder with the runs up to one of the months, which may be changed."""

    def copy(last):
        output = tmp_path / "out"
        output.mkdir()
        for month in CHAIN[: CHAIN.index(last) + 1]:
            shutil.copytree(chain[month].folder, output / f"run={month}")
        latest = (chain["first"].folder.parent / "latest.json").read_text()
        pointed = json.loads(latest) | {"run": last, "path": f"run={last}"}
        (output / "latest.json").write_text(json.dumps(pointed))
        return output

    return copy


def model_of(run: Finished) -> FittedModel:
    return FittedModel.from_json(json.loads((run.folder / "model/fitted.json").read_text()))


def test_each_month_is_decided_as_it_was_planted(chain):
    decisions = {month: run.manifest["refresh"]["decision"] for month, run in chain.items()}
    assert decisions == {"first": "first", "same": "keep", "warmer": "warm", "born": "fresh"}
    for run in chain.values():
        assert run.manifest["refresh"]["reason"]
    assert model_of(chain["same"]).rule != model_of(chain["warmer"]).rule
    kept = chain["same"].manifest["refresh"]
    assert kept["model_run"] == "first"
    assert chain["warmer"].manifest["refresh"]["model_run"] == "warmer"


def test_keys_and_names_stay_and_the_new_group_gets_a_new_one(chain):
    names = {month: run.table("segments") for month, run in chain.items()}
    first = dict(zip(names["first"].segment_key, names["first"].name, strict=True))
    assert list(first) == ["s1", "s2", "s3", "s4", "s5"]
    for month in ("same", "warmer"):
        assert dict(zip(names[month].segment_key, names[month].name, strict=True)) == first
        assert set(names[month].event) == {"survived"}
    born = names["born"].set_index("segment_key")
    assert set(born.index) == {*first, "s6"}
    assert born.loc["s6", "event"] == "new"
    assert born.loc["s6", "since_run"] == "born"
    assert {key: born.loc[key, "name"] for key in first} == first
    history = chain["born"].table("segment_history")
    assert list(history.run.unique()) == list(CHAIN)
    assert len(history) == 5 + 5 + 5 + 6
    assert chain["born"].manifest["keys_given"] == 6


@pytest.mark.parametrize(("before", "now"), [("first", "same"), ("warmer", "born")])
def test_every_cell_of_the_moves_is_what_pandas_finds(chain, before, now):
    old = chain[before].table("customers").set_index("id")
    new = chain[now].table("customers").set_index("id")
    both = old.join(new, how="outer", lsuffix="_old", rsuffix="_new")
    both["from_key"] = both.segment_key_old.fillna("new")
    both["to_key"] = both.segment_key_new.fillna("left")
    has_moved = (both.segment_key_old != both.segment_key_new) & both.segment_key_old.notna()
    has_moved &= both.segment_key_new.notna()
    put = both.previous_model_key_new
    both["moved_by_behaviour"] = has_moved & (put != both.segment_key_old)
    both["moved_by_model"] = has_moved & put.notna() & (put != both.segment_key_new)
    expected = both.groupby(["from_key", "to_key"]).agg(
        customers=("from_key", "size"),
        value_before=("spend_old", "sum"),
        value_after=("spend_new", "sum"),
        moved_by_behaviour=("moved_by_behaviour", "sum"),
        moved_by_model=("moved_by_model", "sum"),
    )
    found = chain[now].table("migration").set_index(["from_key", "to_key"]).sort_index()
    assert (found.customers == expected.customers).all()
    assert (found.moved_by_behaviour == expected.moved_by_behaviour).all()
    assert (found.moved_by_model == expected.moved_by_model).all()
    for column in ("value_before", "value_after"):
        assert np.allclose(found[column].fillna(0), expected[column], rtol=1e-12, atol=0)
    before_left = found.customers.groupby("from_key").sum().drop("new", errors="ignore")
    assert before_left.to_dict() == old.segment_key.value_counts().to_dict()
    after_new = found.customers.groupby("to_key").sum().drop("left", errors="ignore")
    assert after_new.to_dict() == new.segment_key.value_counts().to_dict()
    followed = both.previous_segment_key_new.dropna()
    assert (followed == both.segment_key_old[followed.index]).all()
    known = both.previous_value_new.dropna()
    assert (known == both.spend_old[known.index]).all()


def test_the_previous_model_s_keys_and_outliers_are_what_numpy_finds(chain):
    for before, now in (("first", "same"), ("warmer", "born")):
        customers, model = chain[now].table("customers"), model_of(chain[before])
        found, is_usable = points(model.preparation, customers)
        assert is_usable.all()
        assignment = model.rule.assign(found)
        at, unit = DISTANCE_QUANTILES.index(0.999), 2.0**model.preparation.bits
        reach = np.array([each.distance_quantiles[at] for each in model.segments]) * unit
        keys = np.array([each.key for each in model.segments])[assignment.segment]
        is_far = assignment.square > reach[assignment.segment] ** 2
        assert (customers.previous_model_key.isna() == is_far).all()
        assert (customers.previous_model_key == keys)[~is_far].all()
        own = model_of(chain[now])
        limits = np.array([each.distance_quantiles[at] for each in own.segments])
        is_outlier = customers.distance > limits[customers.segment]
        assert (customers.is_outlier == is_outlier).all()


def test_the_three_costs_are_what_numpy_finds_in_the_old_units(chain):
    """Of the month whose model is warmed: the old centres, and where Lloyd's steps lead."""
    record = chain["warmer"].manifest["refresh"]
    model, warmed = model_of(chain["same"]), model_of(chain["warmer"])
    found, _ = points(model.preparation, chain["warmer"].table("customers"))
    unit = 4.0**model.preparation.bits
    assert record["cost_kept"] == pytest.approx(
        cost(found, points_of(model.rule)) / unit, rel=1e-12
    )
    labels = warmed.rule.assign(found).segment
    coordinates = found.coordinates
    means = np.array([coordinates[labels == i].mean(axis=0) for i in range(5)])
    warm = ((coordinates - means[labels]) ** 2).sum() / unit
    assert record["cost_warm"] == pytest.approx(warm, rel=1e-12)
    assert record["cost_warm"] <= record["cost_kept"]


def cost(found: GridPoints, centres) -> float:
    return float(found.nearest_squares(centres).sum())


def test_the_drifted_features_and_segments_are_named(chain):
    same = chain["same"].table("drift")
    assert (same.verdict == "stable").all()
    drifted = chain["born"].table("drift").query("verdict == 'drifted'")
    assert {"visits", "spend"} <= set(drifted[drifted.subject == "feature"].name)
    # the sixth group takes its customers from all others
    assert "share" in set(drifted[drifted.subject == "segment"].measure)
    assert chain["first"].table("drift").empty
    assert chain["first"].table("migration").empty


def test_data_in_another_unit_are_refused_and_the_last_run_stays(night, copied, capsys):
    output = copied("born")
    with pytest.raises(SystemExit) as stopped:
        night("cents", output=output)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "'spend' is about 100 times" in line
    assert "--accept" in line
    assert Finished.latest(output).manifest["run"] == "born"
    assert {path.name for path in output.glob("run=*")} == {f"run={month}" for month in CHAIN}
    accepted = night("cents", "--accept", output=output)
    assert any("accepted" in warning for warning in accepted.manifest["warnings"])


def test_a_key_is_not_given_again_after_a_rollback(night, copied):
    output = copied("born")
    main(["rollback", str(output), "same"])
    again = night("born", output=output, run_id="again")
    assert again.manifest["refresh"]["previous_run"] == "same"
    keys = set(again.table("segments").segment_key)
    assert "s6" not in keys
    assert "s7" in keys


@pytest.mark.turn(0, of=2)
@pytest.mark.parametrize(("blend", "policy"), rotation([(0, "keep"), (1, "fresh")]))
def test_a_blend_of_0_is_the_old_model_and_of_1_the_fresh_one(
    night, copied, tmp_path, blend, policy
):
    output = copied("same")
    combine = "--refresh=combine"
    asked = {
        "named": [f"--refresh={policy}"],
        "whole": [combine, f"--set=refresh.blend={blend}"],
        "half": [combine],
    }
    found = {}
    for name, arguments in asked.items():
        shutil.copytree(output, tmp_path / name)
        found[name] = night("warmer", *arguments, output=tmp_path / name, run_id="now")
    named, whole = (found[each].table("customers").sort_values("id") for each in ("named", "whole"))
    pd.testing.assert_frame_equal(whole, named)
    assert model_of(found["whole"]).model_id == model_of(found["named"]).model_id
    half = model_of(found["half"])
    assert half.rule != model_of(found["named"]).rule
    assert half.preparation == model_of(Finished.latest(output)).preparation
    both = found["half"].table("customers")
    labels = ["previous_model_key", "fresh_segment", "segment_key"]
    counted = both.groupby(labels, dropna=False).size().rename("customers").reset_index()
    crossed = found["half"].table("combination")
    assert len(crossed) == len(counted)
    merged = crossed.fillna({"previous_model_key": "none"}).merge(
        counted.fillna({"previous_model_key": "none"}), on=labels
    )
    assert (merged.customers_x == merged.customers_y).all()
    assert crossed.customers.sum() == len(both)
    assert found["whole"].table("customers").fresh_segment.isna().all()
    assert found["whole"].table("combination").empty
    if policy == "keep":
        assert found["named"].manifest["refresh"]["cost_warm"] is None
        before = pd.read_parquet(output / "run=same" / "cost_curve")
        pd.testing.assert_frame_equal(found["named"].table("cost_curve"), before)


@pytest.mark.turn(1, of=2)
def test_what_cannot_be_continued_is_said(night, copied, months):
    """One after another: other ids, none in common, a column gone, a damaged model."""
    output = copied("first")
    folder = months.parent
    frame = pd.read_csv(folder / "same.csv")
    strangers = [f"x{i}" for i in range(len(frame))]
    frame.assign(id=strangers).to_csv(folder / "strangers.csv", index=False)
    frame.rename(columns={"id": "other"}).to_csv(folder / "renamed.csv", index=False)
    frame.drop(columns="items").to_csv(folder / "without.csv", index=False)

    strangers = night("strangers", output=output)
    assert "no customer of run first" in said(strangers)
    assert strangers.table("migration").empty
    assert set(strangers.table("segments").event) == {"survived"}

    renamed = night("renamed", "--set=input.customer_id=other", output=output)
    assert "its input.customer_id is 'id', now 'other'" in said(renamed)
    assert set(renamed.table("segments").event) == {"survived"}

    without = night("without", '--set=features.numeric=["visits","spend"]', output=output)
    assert "no column 'items'" in said(without)
    assert set(without.table("segments").event) == {"new"}
    assert not set(without.table("segments").segment_key) & {"s1", "s2", "s3", "s4", "s5"}
    ended = without.table("segment_history").query("run == 'without' and segment.isna()")
    assert set(ended.segment_key) == {"s1", "s2", "s3", "s4", "s5"}

    (without.folder / "model/fitted.json").write_text("{}")
    after = night("same", output=output)
    assert "all segments get new keys" in said(after)
    given = without.manifest["keys_given"]
    assert min(int(key[1:]) for key in after.table("segments").segment_key) == given + 1


def said(run: Finished) -> str:
    return "\n".join(run.manifest["warnings"])


def test_a_policy_that_other_settings_rule_out_is_one_line(night, copied, capsys):
    with pytest.raises(SystemExit) as stopped:
        night("same", "--refresh=keep", "--set=features.transform=none", output=copied("first"))
    assert stopped.value.code == 2
    assert "refresh.policy is 'keep', but" in capsys.readouterr().err


def test_a_configured_name_stays_and_the_automatic_one_is_known(night, copied):
    named = night("same", '--set=segments.names={s1="Champions"}', output=copied("first"))
    segments = named.table("segments").set_index("segment_key")
    assert segments.loc["s1", "name"] == "Champions"
    assert segments.loc["s1", "automatic_name"]
    customers = named.table("customers")
    assert set(customers[customers.segment_key == "s1"].segment_name) == {"Champions"}


def test_a_comparison_of_neighbours_is_what_was_published(chain, tmp_path, capsys):
    output = chain["born"].folder.parent
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    page, tables = tmp_path / "page.html", tmp_path / "tables"
    main(["compare", str(output), "--to=born", f"--page={page}", f"--tables={tables}"])
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before
    for name in ("migration", "drift"):
        found = pd.read_parquet(tables / name)
        pd.testing.assert_frame_equal(found, chain["born"].table(name))
    keys = pd.read_parquet(tables / "segment_history").set_index("segment_key")
    published = chain["born"].table("segments").set_index("segment_key")
    assert keys.event.to_dict() == published.event.to_dict()
    printed = capsys.readouterr().out
    assert "survived" in printed
    assert str(page) in printed
    assert "What changed" in page.read_text()


def test_a_comparison_skips_the_runs_between(chain, tmp_path):
    output, tables = chain["born"].folder.parent, tmp_path / "tables"
    names = ["--from=first", "--to=born"]
    main(["compare", str(output), *names, f"--page={tmp_path / 'p.html'}", f"--tables={tables}"])
    flows = pd.read_parquet(tables / "migration")
    old, new = chain["first"].table("customers"), chain["born"].table("customers")
    both = old.set_index("id").segment_key.to_frame("before")
    both = both.join(new.set_index("id").segment_key.to_frame("now"), how="outer")
    expected = both.fillna({"before": "new", "now": "left"}).value_counts()
    assert flows.set_index(["from_key", "to_key"]).customers.to_dict() == expected.to_dict()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["--from=born", "--to=born"], "--from and --to are both born"),
        (["--from=nowhere"], "no run nowhere"),
        (["--to=first"], "no run before first"),
        (["--to=born", "--page={output}/run=born/x.html"], "lies in a published run"),
    ],
)
def test_a_comparison_that_cannot_be_is_one_line(chain, capsys, names, message):
    output = chain["born"].folder.parent
    with pytest.raises(SystemExit) as stopped:
        main(["compare", str(output), *(name.format(output=output) for name in names)])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
