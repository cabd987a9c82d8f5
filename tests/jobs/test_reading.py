"""Tables as they come in the wild: every row is labelled or rejected with a reason."""

import csv
import json
from collections import Counter
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from segmentation.config import Input
from segmentation.errors import SchemaError
from segmentation.features.decimals import as_read, with_plain_numbers
from segmentation.storage.readers import read_table
from tests.parts import EVIDENCE, MODEL, REPORT
from tests.rotation import rotation

CONFIG = """
[input]
path = {path}
[features]
numeric = ["visits", "money_spent"]
[sweep]
k_min = 2
k_max = 2
[choose]
k = 2
[output]
path = "unused"
"""
HEADER = "customer_id,visits,money_spent"
ROWS = [("007", 1, 10.0), ("08", 2, 12.5), ("9", 40, 900.0), ("10", 41, 1000.0), ("1e3", 2, 11.0)]
CSV = "\n".join([HEADER, *(f"{i},{v},{m}" for i, v, m in ROWS)]) + "\n"
WITH_ID = ("--set", "input.customer_id=customer_id")
TABLES_ALONE = pytest.mark.usefixtures("without_model", "without_evidence")


def write(path, text, *, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def config_for(folder, *paths):
    """A configuration for two segments of the customers at these paths."""
    path = json.dumps([str(path) for path in paths])
    return write(folder / "segment.toml", CONFIG.format(path=path))


def read(spark, path, options):
    """The rows that the reader sees, as dictionaries."""
    found = read_table(spark, Input(path=str(path), options=options), seed=0).collect()
    return [{k: v for k, v in row.asDict().items() if k != "__malformed"} for row in found]


def sets(**values):
    """--set arguments from ``section__key=value``."""
    return [f"--set={key.replace('__', '.')}={json.dumps(v)}" for key, v in values.items()]


# --- names and texts

WILD_FEATURES = [
    "Annual Income (k$)",
    "a.b %;",
    "tick`ed",
    'it\'s "quoted"',
    "Größe 客户",
    "UPPER",
    "upper",
    "Distance",
]
WILD_NAMES = ["Kunden Nr", "segment", "reason", *WILD_FEATURES]


def test_column_names_as_they_come_survive_the_whole_job(segment, tmp_path):
    """Bytes as some export wrote them: a mark in front, CRLF, quotes, no line end at the end."""
    values: dict[str, list] = {
        name: [i * j % 13 for i in range(1, 7)] for j, name in enumerate(WILD_NAMES, 1)
    }
    values["Kunden Nr"] = [f"00{i}" for i in range(1, 7)]
    lines = [",".join(map(str, row)) for row in zip(*values.values(), strict=True)]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in WILD_NAMES)
    path = write(tmp_path / "a [1] b" / "größe.csv", "\ufeff" + "\r\n".join([header, *lines]))
    run = segment(
        config_for(tmp_path, path),
        *sets(input__customer_id="Kunden Nr", features__numeric=WILD_FEATURES),
        output=tmp_path / "out {x} y",
    )
    customers = run.table("customers").sort_values("Kunden Nr")
    gave_way = {"segment": "segment_input", "Distance": "Distance_input", "reason": "reason_input"}
    published = [gave_way.get(name, name) for name in WILD_NAMES]
    assert list(customers.columns[: len(WILD_NAMES)]) == published
    for name, column in zip(WILD_NAMES, published, strict=True):
        as_told = values[name] if name in ["Kunden Nr", *WILD_FEATURES] else map(str, values[name])
        assert list(customers[column]) == list(as_told), name
    assert sorted(set(run.table("segment_profile")["feature"])) == sorted(WILD_FEATURES)


@pytest.mark.parametrize(
    ("text", "options", "encoding"),
    [
        ("id;n\n7;1,5\n", {"sep": ";"}, "utf-8"),
        ("id\tn\n7\t1,5\n", {"sep": "\\t"}, "utf-8"),
        ('id,n\n7,"1,5"\n', {}, "utf-8"),
        ('\ufeffid,n\r\n7,"1,5"\r\n', {}, "utf-8"),
        ('id,n\r\n7,"1,5"', {}, "utf-8"),
        ('id,n\n\n7,"1,5"\n\n', {}, "utf-8"),
        ("id;n\n7;1,5\n", {"sep": ";", "encoding": "UTF-16", "multiLine": True}, "utf-16"),
        ('# made by X\nid,n\n7,"1,5"\n', {"comment": "#"}, "utf-8"),
        ('id,n\n7,"1,5"\n', {"inferSchema": True}, "utf-8"),
    ],
)
def test_dialects_of_csv_read_alike(spark, tmp_path, text, options, encoding):
    path = write(tmp_path / "customers.csv", text, encoding=encoding)
    assert read(spark, path, options) == [{"id": "7", "n": "1,5"}]


def test_texts_keep_their_letters_quotes_and_zeros(spark, tmp_path):
    text = 'id;who;note\n007;Jürgen "Jo";"a ""b"" c; d"\n+08;Zoë;  two  \n'
    path = write(tmp_path / "customers.csv", text, encoding="latin-1")
    rows = read(spark, path, {"sep": ";", "encoding": "ISO-8859-1"})
    assert rows == [
        {"id": "007", "who": 'Jürgen "Jo"', "note": 'a "b" c; d'},
        {"id": "+08", "who": "Zoë", "note": "  two  "},
    ]


@pytest.mark.parametrize("header", [",visits", "visits,visits", "id,", ",", "_c0,b"])
def test_columns_without_a_name_or_with_the_same_are_read(spark, tmp_path, header):
    """A table that pandas wrote has no name over its index."""
    path = write(tmp_path / "customers.csv", f"{header}\n0,5\n1,6\n")
    assert [list(row.values()) for row in read(spark, path, {})] == [["0", "5"], ["1", "6"]]


# --- lines and records


def with_notes(count):
    """Rows whose notes hold what would be rows, quotes and both kinds of line ends."""
    notes = ["plain", "two\nlines", 'said ""hm""\nEVIL,9,9,x', "a\r\nb", '"', "", "x\n\ny,"]
    return [
        (f"{i:03d}", f"{1 + i % 4}", f"{10 ** (1 + i % 3)}", notes[i % 7]) for i in range(count)
    ]


@TABLES_ALONE
def test_line_breaks_within_quotes_are_read_by_default(segment, tmp_path):
    """Sixty customers, as Python's csv module reads them, through the whole command."""
    path = tmp_path / "customers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["customer_id", "visits", "money_spent", "note"], *with_notes(60)])
    run = segment(config_for(tmp_path, path), *WITH_ID, output=tmp_path / "out")
    with path.open(newline="") as file:
        known = {row["customer_id"]: row["note"] or None for row in csv.DictReader(file)}
    customers = run.table("customers")
    notes = customers["note"].where(customers["note"].notna(), None)
    assert dict(zip(customers["customer_id"], notes, strict=True)) == known
    assert (run.manifest["rows_in"], run.manifest["rejected"]) == (60, 0)


@TABLES_ALONE
def test_a_quote_that_is_never_closed_spoils_its_own_row_only(segment, tmp_path):
    rows = [f"{i:03d},{1 + i % 4},{10 ** (1 + i % 3)},fine" for i in range(60)]
    rows[11] = '011,3,1000,"never closed'
    rows[37] = '037,2,100,"twelve" inches'
    path = write(tmp_path / "customers.csv", "\n".join([HEADER + ",note", *rows]) + "\n")
    run = segment(config_for(tmp_path, path), *WITH_ID, output=tmp_path / "out")
    assert set(run.table("customers")["customer_id"]) == {
        f"{i:03d}" for i in range(60) if i not in (11, 37)
    }
    assert reasons(run) == {("malformed", None): 2}


ALIGNED = "  id   who      n\n 007  Jürgen   1\r\n\n id who n\n 08\tZoë  2  \n 9 three 3 4\n"


@pytest.mark.parametrize("encoding", [None, "ISO-8859-1", "UTF-16"])
def test_blanks_between_fields_in_any_encoding_and_the_header_by_its_place(
    spark, tmp_path, encoding
):
    """A row that reads as the header does is a row."""
    path = write(tmp_path / "customers.txt", ALIGNED, encoding=encoding or "utf-8")
    options = {"sep": r"\s+"} | ({"encoding": encoding} if encoding else {})
    table = read_table(spark, Input(path=str(path), options=options), seed=0)
    rows = [(row.id, row.who, row.n, row["__malformed"]) for row in table.collect()]
    assert rows[:3] == [
        ("007", "Jürgen", "1", None),
        ("id", "who", "n", None),
        ("08", "Zoë", "2", None),
    ]
    assert rows[3][3] == " 9 three 3 4"
    assert len(rows) == 4


def test_blanks_between_columns_in_another_order_are_matched_by_name(spark, tmp_path):
    write(tmp_path / "in" / "a.txt", "id n\n1 2\n")
    write(tmp_path / "in" / "b.txt", "n id\n4 3\n6 5\n")
    rows = read(spark, tmp_path / "in", {"sep": r"\s+"})
    assert sorted((row["id"], row["n"]) for row in rows) == [("1", "2"), ("3", "4"), ("5", "6")]
    write(tmp_path / "in" / "c.txt", "id m\n7 8\n")
    with pytest.raises(SchemaError, match=r"different headers: 'id', 'n' in .*a.txt, 'id', 'm' in"):
        read(spark, tmp_path / "in", {"sep": r"\s+"})


def test_what_is_passed_over_is_told_by_name(spark, tmp_path):
    write(tmp_path / "in" / "a.csv", "id,n\n1,2\n#3,4\n5,6\n")
    write(tmp_path / "in" / "b.txt", "id,n\n7,8\n")
    write(tmp_path / "in" / "_c.csv", "id,n\n9,9\n")
    write(tmp_path / "in" / "_SUCCESS", "")
    told: list[str] = []
    options = {"comment": "#", "pathGlobFilter": "*.csv"}
    source = Input(path=str(tmp_path / "in"), options=options)
    found = read_table(spark, source, seed=0, warn=told.append).collect()
    assert sorted(row.id for row in found) == ["1", "5"]
    assert told == [
        "input.path: 1 files are not read, as Spark skips names that begin with '_' or '.': "
        "'_c.csv'",
        "input.options has pathGlobFilter: 1 of 2 files are read",
        "input.options.comment = '#': 1 lines that begin with it are skipped",
    ]


# --- decimals


@pytest.mark.parametrize(
    ("decimal", "texts", "expected"),
    [
        (",", ["1.101,11", "1101,11", "-0,5", "2", "1 234,5", "1\u00a0234", "+7", "1,5e3", ",5"],
         [1101.11, 1101.11, -0.5, 2, 1234.5, 1234, 7, 1500, 0.5]),
        (".", ["1,101.11", "1101.11", "1'234.5", "12"], [1101.11, 1101.11, 1234.5, 12]),
        (",", ["1.5", "1.1011,0", "1,2,3", "abc", "12d", "1,101.11"], [None] * 6),
    ],
)  # fmt: skip
def test_numbers_are_read_as_the_country_writes_them(spark, decimal, texts, expected):
    table = spark.createDataFrame([(text,) for text in texts], "n string")
    plain = with_plain_numbers(table, ["n"], decimal=decimal)
    rows = plain.selectExpr("try_cast(n AS double) n", "n RLIKE '[df]' is_java").collect()
    assert [None if row.is_java else row.n for row in rows] == expected
    assert [row.n for row in as_read(plain).collect()] == texts


@TABLES_ALONE
def test_decimal_commas_reach_the_segments_and_rejected_rows_stay_as_they_came(segment, tmp_path):
    rows = ["a;1;1.101,11", "b;2;0,5", "c;3;2.000,00", "d;;1.101,11", "e;5;1.5", "f;6;x"]
    path = write(tmp_path / "customers.csv", "\n".join(["customer_id;visits;money_spent", *rows]))
    run = segment(
        config_for(tmp_path, path),
        *WITH_ID,
        *sets(input__options__sep=";", input__decimal=","),
        output=tmp_path / "out",
    )
    spent = dict(
        zip(*[run.table("customers")[c] for c in ("customer_id", "money_spent")], strict=True)
    )
    assert spent == {"a": 1101.11, "b": 0.5, "c": 2000.0}
    rejected = run.table("rejected")
    assert sorted(zip(rejected["reason"], rejected["money_spent"], strict=True)) == [
        ("not_a_number", "1.5"), ("not_a_number", "x"), ("null", "1.101,11"),
    ]  # fmt: skip
    assert not [name for name in rejected.columns if name.startswith("__")]
    assert "'1.5'" not in json.dumps(run.manifest["warnings"])  # values are for the log alone


# --- formats and places


def as_csv(rows, folder, spark):  # noqa: ARG001 - every writer is called alike
    rows.to_csv(folder / "customers.csv", index=False)
    return "customers.csv"


def as_parquet(rows, folder, spark):  # noqa: ARG001
    pq.write_table(pa.Table.from_pandas(rows), folder / "customers.parquet")
    return "customers.parquet"


def as_orc(rows, folder, spark):  # noqa: ARG001
    orc.write_table(pa.Table.from_pandas(rows), str(folder / "customers.orc"))
    return "customers.orc"


def as_json(rows, folder, spark):  # noqa: ARG001
    rows.to_json(folder / "customers.json", orient="records", lines=True)
    return "customers.json"


def as_table(rows, folder, spark):
    spark.createDataFrame(rows).write.option("path", str(folder / "t")).saveAsTable("customers")
    return "table"


@pytest.fixture(scope="module")
def labelled_from_csv(segment, spark, tmp_path_factory):
    return labelled(as_csv, segment, spark, tmp_path_factory.mktemp("csv"))


def labelled(writer, segment, spark, folder):
    """The labelled customers of a run on the rows as this writer leaves them."""
    name = writer(pd.DataFrame(ROWS, columns=HEADER.split(",")), folder, spark)
    form = name.split(".")[-1]
    path = "customers" if form == "table" else folder / name
    run = segment(
        config_for(folder, path),
        *WITH_ID,
        *sets(input__format=form),
        output=folder / form,
        without=(MODEL, REPORT, EVIDENCE),
    )
    # A CSV's numbers are text: which of them are whole nobody has said.
    customers = run.table("customers").astype({"visits": float}).sort_values("customer_id")
    return customers[sorted(customers.columns)].reset_index(drop=True)


def test_customers_of_a_csv_are_labelled(labelled_from_csv):
    assert list(labelled_from_csv["customer_id"]) == sorted(row[0] for row in ROWS)
    assert list(labelled_from_csv["segment"]) == [0, 0, 1, 0, 1]  # 007, 08, 10, 1e3, 9; by size


@pytest.mark.parametrize("writer", rotation([as_parquet, as_orc, as_json, as_table]))
def test_formats_give_the_same_labelled_customers(
    writer, segment, spark, tmp_path, labelled_from_csv
):
    found = labelled(writer, segment, spark, tmp_path)
    spark.sql("DROP TABLE IF EXISTS customers")
    pd.testing.assert_frame_equal(found, labelled_from_csv)


@pytest.mark.parametrize(
    "paths",
    [
        ["parts (1)/a.csv", "parts (1)/b.csv"],
        ["parts (1)/*.csv"],
        ["parts (1)"],
        ["parts (1)/[ab].csv"],
        ["parts (1)/{a,b}.csv"],
    ],
)
def test_several_files_are_one_table(spark, tmp_path, paths):
    write(tmp_path / "parts (1)" / "a.csv", "id,n\n1,2\n")
    write(tmp_path / "parts (1)" / "b.csv", "id,n\n3,4\n")
    found = read_table(spark, Input(path=tuple(str(tmp_path / path) for path in paths)), seed=0)
    assert sorted((row.id, row.n) for row in found.collect()) == [("1", "2"), ("3", "4")]


def test_a_name_that_looks_like_a_glob_is_a_name_if_it_stands_there(spark, tmp_path):
    write(tmp_path / "[ab].csv", "id,n\n1,2\n")
    write(tmp_path / "a.csv", "id,n\n3,4\n")
    assert read(spark, tmp_path / "[ab].csv", {}) == [{"id": "1", "n": "2"}]


# --- every row is labelled or rejected

UGLY = f"""{HEADER},note
a,1,10,
b,2,20.50,x
c,30,900,"y ""z""!"
d, 31 ,1e3,trailing blank
a,32,+1000,the id a again
f,,5,no visits
g,   ,5,blank visits
,1,5,no id
h,1,five,no number
i,1,12d,a number to Java only
j,1,NaN,
k,1,-Infinity,
l,1,1e200,
m,1,-5,
n,1
o,1,2,3,4
p
"""
REASONS = {
    ("null", "visits"): 2,
    ("null", "customer_id"): 1,
    ("not_a_number", "money_spent"): 2,
    ("nan", "money_spent"): 1,
    ("infinite", "money_spent"): 1,
    ("too_large", "money_spent"): 1,
    ("negative", "money_spent"): 1,
    ("malformed", None): 3,
}


def reasons(run):
    rejected = run.table("rejected")
    return Counter(zip(rejected["reason"], rejected["reason_column"], strict=True))


@TABLES_ALONE
@pytest.mark.parametrize("duplicates", ["keep", "reject"])
def test_every_row_is_labelled_or_left_out_with_its_reason(segment, tmp_path, duplicates):
    path = write(tmp_path / "customers.csv", UGLY)
    run = segment(
        config_for(tmp_path, path),
        *WITH_ID,
        *sets(input__duplicates=duplicates, input__min_usable=0.1),
        output=tmp_path / "out",
    )
    expected, labelled = dict(REASONS), ["a", "a", "b", "c", "d"]
    if duplicates == "reject":
        expected["duplicate_id", "customer_id"], labelled = 2, ["b", "c", "d"]
    warnings = " ".join(run.manifest["warnings"])
    assert ("1 values of 'customer_id' occur on more than one row, 2 rows" in warnings) == (
        duplicates == "keep"
    )
    assert reasons(run) == expected
    assert sorted(run.table("customers")["customer_id"]) == labelled
    manifest = run.manifest
    assert manifest["rows_in"] == UGLY.count("\n") - 1
    assert manifest["labelled"] == len(labelled)
    assert manifest["rejected"] == sum(expected.values()) == len(run.table("rejected"))
    told = {(r["reason"], r["column"]): r["rows"] for r in manifest["rejections"]}
    assert told == expected
    as_they_came = run.table("rejected").set_index("customer_id")["money_spent"]
    assert as_they_came["h"] == "five"
    assert as_they_came["l"] == "1e200"


RAGGED = f"""{HEADER},note,more
a,1,10,,
b,50,900,,
c,51,990
d,2,11,,,,
e,3,12,,
"""


@TABLES_ALONE
def test_ragged_rows_are_left_out_whatever_columns_a_pass_reads(segment, tmp_path):
    """Spark's CSV parser sees a short row only if it is asked for the columns that are missing."""
    path = write(tmp_path / "customers.csv", RAGGED)
    run = segment(config_for(tmp_path, path), output=tmp_path / "out")
    assert sorted(run.table("customers")["customer_id"]) == ["a", "b", "e"]
    assert reasons(run) == {("malformed", None): 2}
    assert sorted(run.table("rejected")["customer_id"]) == ["c", "d"]
    assert run.manifest["rows_in"] == 5


@TABLES_ALONE
def test_json_that_is_none_is_left_out(segment, tmp_path):
    rows = [json.dumps({"customer_id": i, "visits": v, "money_spent": m}) for i, v, m in ROWS]
    path = write(tmp_path / "customers.json", "\n".join([*rows, "not JSON", '{"visits": ', *rows]))
    run = segment(config_for(tmp_path, path), "--set=input.format=json", output=tmp_path / "out")
    assert reasons(run) == {("malformed", None): 2}
    assert run.manifest["labelled"] == 2 * len(ROWS)


@TABLES_ALONE
@pytest.mark.parametrize(
    ("negative", "centroid"),
    [("clip", 0.0), ("signed", -5.0)],
)
def test_negatives_are_clipped_or_keep_their_sign(segment, tmp_path, negative, centroid):
    """Two groups; the lower one is all -5, so its centre says what -5 was taken for."""
    text = "n\n-5\n-5\n-5\n700\n700\n"
    run = segment(
        config_for(tmp_path, write(tmp_path / "customers.csv", text)),
        *sets(features__numeric=["n"], features__negative=negative, segments__value="n"),
        output=tmp_path / "out",
    )
    profile = run.table("segment_profile").sort_values("segment")
    assert list(profile["mean"]) == pytest.approx([700, -5])
    assert list(profile["centroid"]) == pytest.approx([700, centroid], abs=1e-3)
    assert sorted(run.table("customers")["n"]) == [-5, -5, -5, 700, 700]
    assert run.manifest["rejected"] == 0


# --- types and transforms


@TABLES_ALONE
def test_types_of_numbers_and_no_id_and_no_transform(segment, tmp_path):
    """Numbers keep the type they came in; without a transform a centre is the plain mean."""
    columns = {
        "whole": pa.array([1, 2, 80, 90], pa.int16()),
        "long": pa.array([10**15, 10**15 + 1, 10**15 + 500, 10**15 + 501], pa.int64()),
        "price": pa.array([Decimal(n) for n in ("0.10", "0.30", "9.10", "9.30")]),
        "single": pa.array([0.5, 1.5, 70.5, 71.5], pa.float32()),
        "when": pa.array(["2024-01-01"] * 4),
    }
    pq.write_table(pa.table(columns), tmp_path / "customers.parquet")
    run = segment(
        config_for(tmp_path, tmp_path / "customers.parquet"),
        *sets(input__format="parquet", features__numeric=["whole", "long", "price", "single"]),
        *sets(features__transform="none"),
        output=tmp_path / "out",
    )
    published = pq.read_schema(next(run.folder.glob("customers/segment=0/*.parquet")))
    for name in ("whole", "long", "price", "single"):
        assert published.field(name).type == columns[name].type
    profile = run.table("segment_profile").set_index(["segment", "feature"])
    expected = {"whole": 85, "long": 10**15 + 500.5, "price": 9.2, "single": 71}
    for name, mean in expected.items():
        assert profile.loc[(0, name), "mean"] == pytest.approx(mean)
        assert profile.loc[(0, name), "centroid"] == pytest.approx(mean)
    assert run.manifest["config"]["input"]["customer_id"] is None


# --- the command line


def test_output_may_be_told_on_the_command_line_only(segment, tmp_path):
    """Whatever its name holds; without --run-id a run is named by its time."""
    config = write(
        tmp_path / "segment.toml",
        CONFIG.format(path=json.dumps(str(write(tmp_path / "customers.csv", CSV)))).split(
            "[output]"
        )[0],
    )
    run = segment(config, output=tmp_path / 'it\'s "mine" \\ #1')
    assert run.manifest["labelled"] == len(ROWS)
    assert {path.name for path in run.folder.parent.iterdir()} == {
        ".lock",
        run.folder.name,
        "latest",
        "latest.json",
    }
    assert (run.folder.parent / "latest").resolve() == run.folder
