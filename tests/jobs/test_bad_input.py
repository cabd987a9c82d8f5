"""Whatever a user gets wrong is told in one line, and the last good run stands as it stood."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.cli import main
from segmentation.runtime.java import java_home
from tests.conftest import SPARK_PATH
from tests.jobs.shop import CSV, HEADER, ROWS
from tests.parts import NoPipeline

ROOT = Path(__file__).resolve().parents[2]
MAX_LINE = 600

CONFIG = """
[input]
path = "@/customers.csv"
customer_id = "customer_id"

[features]
numeric = ["visits", "money_spent"]

[sweep]
k_max = 4

[output]
path = "out"
"""
LINES = (
    "input.kind=transactions",
    "transactions.customer=customer_id",
    "transactions.timestamp=visits",
    "transactions.amount=money_spent",
    'features.numeric=["recency_days"]',
)
"""The settings that make transactions of such rows."""


@dataclass(frozen=True)
class Case:
    """What the user did, and pieces of the line that it must be answered with.

    Without anything said otherwise the user has a good ``customers.csv`` and a good
    ``segment.toml``. ``make`` is called with the folder that they are in, ``@`` elsewhere:
    Spark's Java does not follow when a test changes the working directory.
    """

    told: tuple[str, ...]
    csv: str | bytes | None = None
    toml: str | bytes | None = None
    sets: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    make: Callable[[Path], object] | None = None

    @property
    def command(self):
        """The arguments; no other case is told by arguments and --set at once."""
        return ["run", "segment.toml", *self.arguments, *(f"--set={value}" for value in self.sets)]


def told(*pieces, **what):
    return Case(pieces, **what)


def zipped(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("sheet.csv", text)
    return packed.getvalue()


def csv_of(*lines):
    return "".join(f"{line}\n" for line in lines)


def write(name, content):
    """A function that puts a file there."""

    def make(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def parquet(**columns):
    """A function that puts ``customers.parquet`` there; these columns replace good ones."""

    def make(folder):
        good = {"customer_id": ["a", "b", "c"], "visits": [1, 2, 3], "money_spent": [1.0, 5.0, 9.0]}
        pq.write_table(pa.table({**good, **columns}), folder / "customers.parquet")

    return make


def damaged_parquet(folder):
    """A Parquet file whose footer is whole and whose pages are not."""
    path = folder / "customers.parquet"
    columns = {name: [float(i) for i in range(1000)] for name in ("visits", "money_spent")}
    pq.write_table(pa.table({"customer_id": ["a"] * 1000, **columns}), path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(5996) + content[6000:])


def cut_parquet(folder):
    """A Parquet file without the end of its footer."""
    parquet()(folder)
    path = folder / "customers.parquet"
    path.write_bytes(path.read_bytes()[:-9])


PARQUET = ("input.path=@/customers.parquet", "input.format=parquet")
JSON = ("input.path=@/customers.json", "input.format=json")

CASES = {
    # --- the configuration file
    "no configuration file": told(
        "segment.toml",
        "configuration cannot be read",
        "No such file",
        make=lambda folder: (folder / "segment.toml").unlink(),
    ),
    "folder given as configuration": told(
        "segment.toml",
        "configuration cannot be read",
        "directory",
        make=lambda folder: [(folder / "segment.toml").unlink(), (folder / "segment.toml").mkdir()],
    ),
    "configuration is not TOML": told(
        "segment.toml", "not TOML", "line 2", toml="[input]\npath = customers.csv\n"
    ),
    "customers given as configuration": told("segment.toml", "not TOML", toml=CSV),
    "configuration in another encoding": told(
        "segment.toml",
        "not UTF-8",
        toml='[input]\npath = "Kundschaft für März"\n'.encode("latin-1"),
    ),
    "configuration is empty": told("input is missing", "features is missing", toml=""),
    "unknown key": told(
        "unknown key features.numerics", "did you mean 'numeric'", sets=("features.numerics=[1]",)
    ),
    "unknown section": told(
        "unknown key chose", "did you mean 'choose'", toml=CONFIG + "[chose]\nk = 3\n"
    ),
    "unknown key of a feature": told(
        "features.numeric.0.transfrom",
        "did you mean 'transform'",
        sets=("features.numeric=[{name='visits', transfrom='none'}]",),
    ),
    "feature without a name": told(
        "features.numeric.0.name is missing", sets=("features.numeric=[{transform='none'}]",)
    ),
    "section given as a value": told(
        "sweep = 'wide'",
        "a table",
        toml="sweep = 'wide'\n" + CONFIG.replace("[sweep]", "[choose]").replace("k_max = 4", ""),
    ),
    "text for a number": told(
        "sweep.k_max", "'twelve'", "a whole number", sets=("sweep.k_max=twelve",)
    ),
    "fraction for a whole number": told("sweep.k_max", "4.5", sets=("sweep.k_max=4.5",)),
    "truth for a number": told("sweep.k_max", "True", "a whole number", sets=("sweep.k_max=true",)),
    "text for a list": told(
        "features.numeric = 'money_spent'", "a list", sets=("features.numeric=money_spent",)
    ),
    "numbers for names": told("features.numeric.0", "3", sets=("features.numeric=[3, 4]",)),
    "number for a path": told("input.path", "7", sets=("input.path=7",)),
    "no path": told("input.path", "''", sets=("input.path=''",)),
    "no paths": told("input.path = []", "at least one", sets=("input.path=[]",)),
    "options not a table": told("input.options", "'sep=;'", sets=("input.options='sep=;'",)),
    "option not a text": told("input.options.sep", "[';']", sets=("input.options.sep=[';']",)),
    "k_max below k_min": told(
        "sweep.k_max is 4", "sweep.k_min = 6", sets=("sweep.k_min=6", "choose.k=6")
    ),
    "range too short for an elbow": told(
        "sweep.k_max is 2",
        "at least 3",
        "choose.k = 'elbow'",
        sets=("sweep.k_max=2", "choose.k=elbow"),
    ),
    "chosen k outside the range": told("choose.k is 9", "sweep.k_max = 4", sets=("choose.k=9",)),
    "chosen k neither number nor auto": told(
        "choose.k", "'automatic'", "'auto'", sets=("choose.k=automatic",)
    ),
    "k_min of nothing": told("sweep.k_min", "0", "at least 1", sets=("sweep.k_min=0",)),
    "negative k": told("choose.k", "-3", sets=("choose.k=-3",)),
    "huge k": told("sweep.k_max", "100000", "200", sets=("sweep.k_max=100000",)),
    "seed of 70 bits": told("sweep.seed", str(2**70), sets=(f"sweep.seed={2**70}",)),
    "no features": told("features.numeric = []", "at least one", sets=("features.numeric=[]",)),
    "feature named twice": told(
        "features names a feature",
        "twice",
        "visits",
        sets=("features.numeric=['visits', 'visits']",),
    ),
    "unknown transform": told(
        "features.transform", "'log'", "'log1p'", sets=("features.transform=log",)
    ),
    "unknown rule for negatives": told(
        "features.negative", "'drop'", "'clip'", sets=("features.negative=drop",)
    ),
    "unknown format": told("input.format", "'xlsx'", "'parquet'", sets=("input.format=xlsx",)),
    "transactions without their section": told(
        "input.kind", "'transactions'", "[transactions]", sets=("input.kind=transactions",)
    ),
    "transactions without an amount": told(
        "transactions needs amount, or quantity and unit_price",
        sets=(
            "input.kind=transactions",
            "transactions.customer=customer_id",
            "transactions.timestamp=visits",
        ),
    ),
    "transactions without such a column": told(
        "no column 'monney_spent'",
        "transactions.amount",
        "did you mean 'money_spent'",
        sets=(
            "input.kind=transactions",
            "transactions.customer=customer_id",
            "transactions.timestamp=visits",
            "transactions.amount=monney_spent",
        ),
    ),
    "transactions of which none has a date": told(
        "all of the 24 lines were excluded",
        "24 not_a_date in 'visits'",
        sets=(
            "input.kind=transactions",
            "transactions.customer=customer_id",
            "transactions.timestamp=visits",
            "transactions.timestamp_format=yyyyMMdd",
            "transactions.amount=money_spent",
            'features.numeric=["recency_days"]',
        ),
    ),
    "pattern that is none": told(
        "transactions.product_pattern",
        "regular expression",
        sets=(*LINES, "transactions.product=visits", "transactions.product_pattern=(?P<x>9)"),
    ),
    "date pattern that Spark does not know": told(
        "transactions.timestamp_format",
        "'YYYY-MM-DD'",
        sets=(*LINES, "transactions.timestamp_format=YYYY-MM-DD"),
    ),
    "pattern of dates of customers that Spark does not know": told(
        "features.dates.0.format",
        "'%Y'",
        sets=(
            'features.numeric=["money_spent"]',
            "features.dates=[{ name = 'visits', format = '%Y' }]",
            "features.as_of=2026-01-01",
        ),
    ),
    "attribute of lines that is not listed": told(
        "'Country'",
        "transactions.attributes",
        "features.describe",
        sets=(*LINES, 'features.describe=["Country"]'),
        csv=csv_of(HEADER + ",Country", "a,2026-01-01,5,France", "b,2026-01-02,6,Spain"),
    ),
    "join with nobody": told(
        "join.path",
        "does not exist",
        toml=CONFIG + '[[join]]\npath = "@/nobody.csv"\nkey = "customer_id"\n',
    ),
    "dates without a day to count back from": told(
        "features.dates", "features.as_of", sets=("features.dates=['since']",)
    ),
    "band twice": told(
        "features.ordered",
        "twice",
        sets=("features.ordered=[{ name = 'visits', order = ['1', '1'] }]",),
    ),
    "views without a catalog": told(
        "output.catalog", "spark.sql.catalogImplementation", sets=("output.catalog=shop",)
    ),
    "database that is none": told(
        "output.database", sets=("output.database=nosuch://me:hunter2@host/db",)
    ),
    "share in percent": told("input.min_usable", "80", "1", sets=("input.min_usable=80",)),
    "value feature that is none": told(
        "segments.value", "'money'", "a numeric column of features", sets=("segments.value=money",)
    ),
    "braces in a value": told(
        "segments.value is '{x}'", "a numeric column of features", sets=("segments.value='{x}'",)
    ),
    "id as a feature": told(
        "customer_id",
        "an id is not a feature",
        sets=("features.numeric=['customer_id', 'visits']",),
    ),
    "several problems at once": told(
        "input.format",
        "'xls'",
        "sweep.k_max",
        "'many'",
        "features.scale",
        "'minmax'",
        "unknown key output.folder",
        sets=("input.format=xls", "sweep.k_max=many", "features.scale=minmax", "output.folder=x"),
    ),
    # --- the command line
    "--set without a value": told("--set sweep.k_max", "section.key=VALUE", sets=("sweep.k_max",)),
    "--set without a section": told("--set k_max=3", "section.key=VALUE", sets=("k_max=3",)),
    "--set below a value": told(
        "--set input.path.name=x", "'path' is a value", sets=("input.path.name=x",)
    ),
    "--set of an unknown key": told(
        "unknown key sweep.kmax", "did you mean 'k_max'", sets=("sweep.kmax=3",)
    ),
    "unknown flag": told("--outptu", "--output", arguments=("--outptu", "x")),
    "flag without its value": told("--output", arguments=("--output",)),
    "too many arguments": told("another.toml", arguments=("another.toml",)),
    "run id with a slash": told("--run-id 'a/b'", "letters", arguments=("--run-id", "a/b")),
    "run id that climbs": told("--run-id '..'", "letters", arguments=("--run-id", "..")),
    "run id that is empty": told("--run-id ''", "letters", arguments=("--run-id", "")),
    "run id with a line break": told("--run-id 'a\\n'", "letters", arguments=("--run-id", "a\n")),
    "run id that is taken": told(
        "run=first", "exists", "--run-id", arguments=("--run-id", "first")
    ),
    # --- the output
    "output is a file": told(
        "customers.csv", "output.path", arguments=("--output", "customers.csv")
    ),
    "output below a file": told(
        "customers.csv/out", "output.path", arguments=("--output", "customers.csv/out")
    ),
    "output that cannot be written": told(
        "/proc/segments", "output.path", arguments=("--output", "/proc/segments")
    ),
    "output that is empty": told("output.path", "''", arguments=("--output", "")),
    "output of an unknown scheme": told(
        "output.path", "ftp2://host/out", arguments=("--output", "ftp2://host/out")
    ),
    # --- where the input lies
    "no such input": told(
        "input.path", "nowhere.csv", "does not exist", sets=("input.path=@/nowhere.csv",)
    ),
    "one input of two is not there": told(
        "input.path",
        "nowhere.csv",
        "does not exist",
        sets=("input.path=['@/customers.csv', '@/nowhere.csv']",),
    ),
    "glob that matches nothing": told(
        "input.path", "2031-*.csv", "does not exist", sets=("input.path=@/2031-*.csv",)
    ),
    "input of an unknown scheme": told(
        "input.path", "ftp2", sets=("input.path=ftp2://host/customers.csv",)
    ),
    "folder without files": told(
        "input.path", "no files", sets=("input.path=@/empty",), make=lambda f: (f / "empty").mkdir()
    ),
    "folder without Parquet files": told(
        "input.path",
        "no files",
        sets=("input.path=@/empty", "input.format=parquet"),
        make=lambda f: (f / "empty").mkdir(),
    ),
    "empty file": told("input.path", "customers.csv", "no header", csv=""),
    "blank lines only": told("input.path", "customers.csv", csv="\n\n\n"),
    "header only": told("no rows", "input.path", csv=HEADER + "\n"),
    "catalog table that does not exist": told(
        "input.path",
        "'crm.customers'",
        "cannot be found",
        sets=("input.format=table", "input.path=crm.customers"),
    ),
    "catalog table that is no name": told(
        "input.path", "'crm customers'", sets=("input.format=table", "input.path=crm customers")
    ),
    "two catalog tables": told(
        "input.path", "'a', 'b'", "one table", sets=("input.format=table", "input.path=['a', 'b']")
    ),
    # --- what the input is
    "Parquet cut short": told(
        "customers.parquet", "not a Parquet file", "input.format", sets=PARQUET, make=cut_parquet
    ),
    "Parquet damaged inside": told(
        "customers.parquet", "input.path", sets=PARQUET, make=damaged_parquet
    ),
    "CSV read as Parquet": told("customers.csv", "input.path", sets=("input.format=parquet",)),
    "CSV read as ORC": told("customers.csv", "input.path", sets=("input.format=orc",)),
    "Parquet read as CSV": told(
        "customers.parquet",
        "is a Parquet file",
        "input.format = 'parquet'",
        sets=("input.path=@/customers.parquet", "input.format=csv"),
        make=parquet(),
    ),
    "a folder of Parquet": told(
        "0.parquet",
        "is a Parquet file",
        "input.format = 'parquet'",
        sets=("input.path=@/folder",),
        make=lambda folder: [
            (folder / "folder").mkdir(),
            parquet()(folder),
            (folder / "customers.parquet").rename(folder / "folder" / "0.parquet"),
        ],
    ),
    "an Excel workbook": told(
        "customers.xlsx",
        "Excel workbook",
        "save it as CSV",
        sets=("input.path=@/customers.xlsx",),
        make=write("customers.xlsx", zipped(CSV)),
    ),
    "a zip archive named as CSV": told(
        "zip archive",
        sets=("input.path=@/customers.zip.csv",),
        make=write("customers.zip.csv", zipped(CSV)),
    ),
    "CSV in Snappy's frames": told(
        "customers.csv.snappy",
        "Snappy",
        sets=("input.path=@/customers.csv.snappy",),
        make=write("customers.csv.snappy", b"\xff\x06\x00\x00sNaPpY\x01\x05\x00\x00abcd1"),
    ),
    "gzip without its ending": told("gzip", "not named .gz", csv=gzip.compress(CSV.encode())),
    "a name that Spark passes over": told(
        "'_customers.csv'",
        "begin with '_' or '.'",
        sets=("input.path=@/_customers.csv",),
        make=write("_customers.csv", CSV),
    ),
    "Latin-1 without a word": told(
        "1 lines hold bytes that are not UTF-8",
        "input.options.encoding",
        "ISO-8859-1",
        csv=(CSV + "J\xfcrgen,1,2\n").encode("latin-1"),
    ),
    "UTF-16 without a word": told("not UTF-8", "UTF-16", csv=CSV.encode("utf-16")),
    "a quote that is never closed beside rows that span lines": told(
        "line 4",
        "never closed",
        "input.options.quote",
        csv=csv_of("customer_id,visits,money_spent,note", 'a,1,2,"x', 'y"', 'b,1,2,"z', "c,3,4,"),
    ),
    "rows that span lines and may not": told(
        "span lines",
        "multiLine = false",
        sets=("input.options.multiLine=false",),
        csv=csv_of("customer_id,visits,money_spent,note", 'a,1,2,"x', 'y"'),
    ),
    "JSON lines read as one": told(
        "more than one JSON value",
        "multiLine",
        sets=(*JSON, "input.options.multiLine=true"),
        make=write("customers.json", '{"visits": 1}\n{"visits": 2}\n'),
    ),
    "numbers with a decimal comma": told(
        "not_a_number in 'money_spent': '",
        ",50'",
        "see input.decimal",
        csv=csv_of(HEADER, 'a,1,"1,50"', 'b,2,"2,50"'),
    ),
    "CSV read as JSON": told(
        "input.path", "customers.csv", "no line is a JSON object", sets=("input.format=json",)
    ),
    "JSON that is not closed": told(
        "input.path", "customers.json", sets=JSON, make=write("customers.json", '{"visits": [\n')
    ),
    "JSON over several lines": told(
        "input.path",
        "multiLine",
        sets=JSON,
        make=write("customers.json", '[\n{"visits": 1},\n{"visits": 2}\n]\n'),
    ),
    "text named .gz": told(
        "customers.csv.gz",
        "gzip",
        "input.path",
        sets=("input.path=@/customers.csv.gz",),
        make=write("customers.csv.gz", CSV),
    ),
    "gzip cut short": told(
        "customers.csv.gz",
        sets=("input.path=@/customers.csv.gz",),
        make=write("customers.csv.gz", gzip.compress(CSV.encode())[:-20]),
    ),
    "files with different headers": told(
        "different headers",
        "input.path",
        sets=("input.path=['@/customers.csv', '@/more.csv']",),
        make=write("more.csv", csv_of("customer_id,visits,spent", "x,1,2")),
    ),
    "files with the columns in another order": told(
        "different headers",
        "input.path",
        sets=("input.path=['@/customers.csv', '@/more.csv']",),
        make=write("more.csv", csv_of("visits,customer_id,money_spent", "1,x,2")),
    ),
    "files with fewer columns": told(
        "different headers",
        "input.path",
        sets=("input.path=['@/customers.csv', '@/more.csv']",),
        make=write("more.csv", csv_of("customer_id,visits", "x,1")),
    ),
    # --- how it is to be read
    "wrong separator": told(
        "one column, 'customer_id;visits;money_spent'",
        "input.options.sep = ';'",
        csv=CSV.replace(",", ";"),
    ),
    "wrong separator, and 29 features": told(
        "one column",
        "input.options.sep = ';'",
        sets=(f"features.numeric={[f'f{i}' for i in range(29)]}",),
        csv=CSV.replace(",", ";"),
    ),
    "many columns missing": told(
        "no columns 'f0', 'f1'",
        "19 more",
        sets=(f"features.numeric={[f'f{i}' for i in range(29)]}",),
    ),
    "separator that is empty": told("input.options", sets=("input.options.sep=''",)),
    "quote of two characters": told("input.options", sets=("input.options.quote=''''",)),
    "unknown encoding": told("input.options", "UTF-99", sets=("input.options.encoding=UTF-99",)),
    "header neither true nor false": told(
        "input.options", "header", sets=("input.options.header=maybe",)
    ),
    "mode that drops rows": told(
        "input.options", "DROPMALFORMED", sets=("input.options.mode=DROPMALFORMED",)
    ),
    "files dropped if damaged": told(
        "input.options.ignoreCorruptFiles",
        "needs to be false",
        sets=("input.options.ignoreCorruptFiles=true",),
    ),
    "mode that does not exist": told(
        "input.options", "STRICT", sets=("input.options.mode=STRICT",)
    ),
    "malformed row under FAILFAST": told(
        "customers.csv",
        "FAILFAST",
        "input.options.mode",
        sets=("input.options.mode=FAILFAST",),
        csv=CSV + "x,1\n",
    ),
    # --- its columns
    "missing column": told(
        "no column 'money_spend'",
        "features.numeric",
        "did you mean 'money_spent'",
        sets=("features.numeric=['visits', 'money_spend']",),
    ),
    "missing columns, all named": told(
        "'visit'",
        "'money'",
        "'customer'",
        sets=("features.numeric=['visit', 'money']", "input.customer_id=customer"),
    ),
    "column in another case": told(
        "no column 'Visits'", "did you mean 'visits'", sets=("features.numeric=['Visits']",)
    ),
    "missing id": told("no column 'id'", "input.customer_id", sets=("input.customer_id=id",)),
    "column that stands there twice": told(
        "no column 'visits'",
        csv=csv_of("customer_id,visits,visits,money_spent", "a,1,1,2", "b,2,3,4"),
    ),
    "feature named segment": told(
        "features.numeric",
        "'segment'",
        sets=("features.numeric=['segment']",),
        csv=csv_of("customer_id,segment", "a,1", "b,2"),
    ),
    "date as a feature": told(
        "'visits'",
        "date",
        "features.numeric",
        sets=PARQUET,
        make=parquet(visits=[date(2024, 1, d) for d in (1, 2, 3)]),
    ),
    "truth as a feature": told(
        "'visits'",
        "boolean",
        "features.numeric",
        sets=PARQUET,
        make=parquet(visits=[True, False, True]),
    ),
    "list as a feature": told(
        "'visits'",
        "array",
        "features.numeric",
        sets=JSON,
        make=write("customers.json", '{"customer_id": "a", "visits": [1, 2], "money_spent": 3}\n'),
    ),
    "struct as a feature": told(
        "'visits'",
        "struct",
        "features.numeric",
        sets=JSON,
        make=write(
            "customers.json", '{"customer_id": "a", "visits": {"web": 2}, "money_spent": 3}\n'
        ),
    ),
    "bytes as a feature": told(
        "'visits'",
        "binary",
        "features.numeric",
        sets=PARQUET,
        make=parquet(visits=[b"1", b"2", b"3"]),
    ),
    "demo customers below a file": told(
        "input.path",
        "customers.csv/demo.csv",
        sets=("input.path=@/customers.csv/demo.csv", "input.generate=50"),
    ),
    "list as an id": told(
        "'customer_id'",
        "array",
        "input.customer_id",
        sets=PARQUET,
        make=parquet(customer_id=[["a"], ["b"], ["c"]]),
    ),
    "map as an id": told(
        "'customer_id'",
        "map",
        "input.customer_id",
        sets=PARQUET,
        make=parquet(customer_id=pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64()))),
    ),
    "column of a name that gives way to another": told(
        "'distance'",
        "'distance_input'",
        csv=csv_of(HEADER + ",distance,distance_input", *(f"{row},1,2" for row in ROWS)),
    ),
    "column named like one of the job's own": told(
        "'__q0'", csv=csv_of(HEADER + ",__q0", *(f"{row},1" for row in ROWS))
    ),
    # --- its rows
    "no usable row": told(
        "none of the 3",
        "3 not_a_number in 'money_spent'",
        csv=csv_of(HEADER, 'a,1,"1,50"', 'b,2,"2,50"', 'c,3,"3,-"'),
    ),
    "too few usable rows": told(
        "25.0%",
        "4 input rows",
        "input.min_usable",
        "50.0%",
        "1 null in 'visits'",
        "2 negative in 'money_spent'",
        csv=csv_of(HEADER, "a,1,1", "b,,1", "c,1,-1", "d,2,-2"),
    ),
    "constant features": told(
        "visits", "money_spent", "features.numeric", csv=csv_of(HEADER, "a,1,2", "b,1,2", "c,1,2")
    ),
    "one customer": told("features.numeric", csv=csv_of(HEADER, "a,1,2")),
    "every id twice, and rejected": told(
        "none of the 48",
        "48 duplicate_id",
        sets=("input.duplicates=reject",),
        csv=csv_of(HEADER, *ROWS, *ROWS),
    ),
}


@pytest.fixture(scope="module")
def good_run(published, tmp_path_factory):
    """An output folder with one good run in it, and what its files are."""
    output = shutil.copytree(published, tmp_path_factory.mktemp("good") / "out", symlinks=True)
    return output, files(output)


def placed(text, folder):
    """The text with the folder's name where it says ``@``."""
    return text.replace("@", str(folder)) if isinstance(text, str) else text


def files(folder):
    """Everything below a folder: a file with a digest of its content, a folder with False."""
    return {
        str(path.relative_to(folder)): path.is_file() and sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.name != ".lock"  # every job takes it, and says there who has it
    }


def the_one_line(stderr):
    """What stderr says to the operator, held to be one readable line."""
    lines = [line for line in stderr.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("segment: ")
    assert len(lines[0]) < MAX_LINE
    assert lines[0].isprintable()
    return lines[0]


def assert_untouched(output, before):
    """The output folder holds the last good run as it was, and nothing else."""
    assert files(output) == before
    pointer = json.loads((output / "latest.json").read_text())
    assert pq.read_table(output / pointer["path"] / "customers").num_rows == len(ROWS)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_told_in_one_line_and_leaves_the_last_run(
    case, good_run, tmp_path, monkeypatch, capsys
):
    output, before = good_run
    monkeypatch.chdir(tmp_path)
    write("segment.toml", placed(CONFIG if case.toml is None else case.toml, tmp_path))(tmp_path)
    write("customers.csv", CSV if case.csv is None else case.csv)(tmp_path)
    (tmp_path / "out").symlink_to(output)
    if case.make is not None:
        case.make(tmp_path)

    with pytest.raises(SystemExit) as stopped:
        main([placed(argument, tmp_path) for argument in case.command])

    told = the_one_line(capsys.readouterr().err)
    assert stopped.value.code == 2
    for piece in case.told:
        assert piece in told
    assert_untouched(output, before)


def lose_the_input(folder):
    (folder / "customers.csv").unlink()


def change_the_input(folder):
    """As long as it was, so that Spark goes on: its last customer is no longer usable."""
    (folder / "customers.csv").write_text(CSV.replace(ROWS[-1], ROWS[-1].replace(",", "x")))


def block_the_manifest(folder):
    """There is no room for the manifest: something else stands in its place."""
    token = json.loads((folder / "out" / ".lock").read_text())["token"]
    (folder / "out" / f"_staging-bad-{token}" / "manifest.json" / "x").mkdir(parents=True)


@pytest.mark.parametrize(
    ("mishap", "pieces"),
    [
        (lose_the_input, ("customers.csv", "disappeared", "input.path")),
        (change_the_input, ("23 labelled", "0 rejected", "input.path changed")),
        (block_the_manifest, ("manifest.json", "cannot be written", "output.path")),
    ],
)
@pytest.mark.usefixtures("without_model")
def test_a_mishap_half_way_leaves_nothing_of_the_run(
    mishap, pieces, good_run, tmp_path, monkeypatch, capsys
):
    output, before = good_run
    monkeypatch.chdir(tmp_path)
    write("segment.toml", placed(CONFIG, tmp_path))(tmp_path)
    write("customers.csv", CSV)(tmp_path)
    (tmp_path / "out").symlink_to(output)

    def model_after_mishap(*_):
        mishap(tmp_path)
        return NoPipeline()

    monkeypatch.setattr("segmentation.pipelines.segment.pipeline_model", model_after_mishap)
    with pytest.raises(SystemExit) as stopped:
        main(["run", "segment.toml", "--run-id", "bad", "--set=sweep.k_max=3"])

    told = the_one_line(capsys.readouterr().err)
    assert stopped.value.code == 2
    for piece in pieces:
        assert piece in told
    assert_untouched(output, before)


@pytest.mark.turn(0, of=2)
def test_spark_itself_adds_no_stack_trace(tmp_path):
    """In a process of its own, as scripts/run starts it: a task fails, and that is one line."""
    damaged_parquet(tmp_path)
    write("segment.toml", CONFIG)(tmp_path)
    environment = {
        **os.environ,
        "JAVA_HOME": java_home(),
        "PYTHONPATH": f"{ROOT / 'lib'}:{SPARK_PATH}",
        "PYSPARK_SUBMIT_ARGS": f'--properties-file "{ROOT}/conf/spark-local.conf" pyspark-shell',
        "LOG4J_CONFIGURATION_FILE": str(ROOT / "conf" / "log4j2.properties"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "segmentation", "run", "segment.toml"]
        + [f"--set={value}" for value in ("input.format=parquet", "input.path=customers.parquet")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    banner = "WARNING: "  # Java's own, on every start; Spark and the job log a time first
    said = [line for line in done.stderr.splitlines() if not line.startswith(banner)]
    own = [line for line in said if " INFO segment: " not in line]
    assert "customers.parquet" in the_one_line("\n".join(own))
