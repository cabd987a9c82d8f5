"""The manifest of a run, read as a typed record: of this version or an older one."""

from pydantic import ValidationError

from segmentation.errors import DamagedError, StorageError, one_line
from segmentation.results import Run
from segmentation.schemas import VERSION
from segmentation.storage import version_1
from segmentation.storage.filesystem import Folder
from segmentation.storage.pointer import read_object

MANIFEST = "manifest.json"


def read_run(output: Folder, run: str) -> Run | None:
    """A run of an output folder, None if there is no such complete run.

    Raises
    ------
    DamagedError
        If its manifest is damaged.
    StorageError
        If it was written by a newer version of this package.
    """
    folder = output.child(f"run={run}")
    content = read_object(folder, MANIFEST)
    if content is None:
        if folder.read(MANIFEST) is not None:
            raise DamagedError(f"{folder.uri}/{MANIFEST} is damaged: it is empty")
        return None
    version = content.get("schema_version", version_1.VERSION)
    if not isinstance(version, int):
        raise DamagedError(f"{folder.uri}/{MANIFEST} is damaged: schema_version is {version!r}")
    if version > VERSION:
        raise StorageError(
            f"{folder.uri} was written by a newer version of this package: its schema_version is "
            f"{version}, and this one reads up to {VERSION}; upgrade the package"
        )
    try:
        if version <= version_1.VERSION:
            content = version_1.manifest(content)
        return Run.from_json(content)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(
            f"{folder.uri}/{MANIFEST} is damaged, or was written by another program: "
            f"{_first_fault(error)}"
        ) from None


def _first_fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return one_line(repr(error))
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {one_line(first['msg'])}"
