"""The files of a fitted model in a run's folder: the model itself, its reference, and anchors."""

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.errors import DamagedError, StorageError, one_line
from segmentation.model.fitted import FittedModel
from segmentation.model.reference import Reference
from segmentation.numerics.arrow_entries import entry_rows
from segmentation.numerics.grid_points import GridPoints
from segmentation.storage.filesystem import Folder

MODEL, FITTED = "model", "fitted.json"
REFERENCE, ANCHORS = "reference.parquet", "anchors"


def write_model(folder: Folder, fitted: FittedModel) -> None:
    """Write a fitted model as ``fitted.json``."""
    folder.write(FITTED, _text(fitted))


def read_model(folder: Folder, name: str = FITTED) -> FittedModel:
    """A fitted model, from ``fitted.json`` or another file.

    Raises
    ------
    StorageError
        If there is none, it is damaged, or of a newer version.
    """
    text = folder.read(name)
    if text is None:
        raise StorageError(
            f"{folder.uri} has no {name}, which runs of version 1 lack: choose another run, "
            "or write it again"
        )
    try:
        return FittedModel.from_json(json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.uri}/{name} is damaged, or of a newer version: "
            f"{one_line(str(error))}; choose another run, or write it again"
        ) from None


def write_reference(folder: Folder, reference: Reference) -> None:
    """Write a model's reference as one Parquet file; entries are whole numbers of 32 bits.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    entries = reference.points.entries.astype(np.int32)
    offsets = np.arange(len(entries) + 1, dtype=np.int32) * entries.shape[1]
    table = pa.table(
        {
            "entries": pa.ListArray.from_arrays(offsets, entries.ravel()),
            "count": reference.counts,
        }
    ).replace_schema_metadata(
        {"customers": str(reference.customers), "is_whole": str(int(reference.is_whole))}
    )
    try:
        pq.write_table(
            table, f"{folder.path}/{REFERENCE}", filesystem=folder.filesystem, compression="zstd"
        )
    except OSError as error:
        raise StorageError(
            f"{folder.uri}/{REFERENCE} cannot be written: "
            f"{error.strerror or one_line(str(error))}; see output.path"
        ) from None


def read_reference(folder: Folder, fitted: FittedModel) -> Reference | None:
    """The reference of a model; None in runs that were published before there was one.

    Raises
    ------
    StorageError
        If it is damaged or cannot be read.
    """
    path = f"{folder.path}/{REFERENCE}"
    try:
        table = pq.read_table(path, filesystem=folder.filesystem)
        metadata = table.schema.metadata
        entries = entry_rows(table["entries"].combine_chunks()).astype(np.float64)
        points = GridPoints(entries, fitted.preparation.layout)
        customers, is_whole = int(metadata[b"customers"]), metadata[b"is_whole"] == b"1"
        return Reference(points, table["count"].to_numpy(), customers, is_whole)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{folder.uri}/{REFERENCE} is damaged: {one_line(str(error))}; choose another run, or "
            "write it again"
        ) from None


def write_anchors(folder: Folder, anchors: Mapping[str, FittedModel]) -> None:
    """Write the models in which keys were given, one file per key."""
    own = folder.child(ANCHORS)
    if anchors:
        own.create()
    for key, model in anchors.items():
        own.write(f"{key}.json", _text(model))


def read_anchors(folder: Folder) -> dict[str, FittedModel]:
    """The models in which keys were given, by key; only keys that an earlier run gave have one.

    Raises
    ------
    StorageError
        If one is damaged or cannot be read.
    """
    own = folder.child(ANCHORS)
    names = [name for name in own.names() if name.endswith(".json")] if own.exists() else []
    return {name.removesuffix(".json"): read_model(own, name) for name in names}


def _text(fitted: FittedModel) -> str:
    return json.dumps(fitted.to_json(), indent=1, ensure_ascii=False) + "\n"
