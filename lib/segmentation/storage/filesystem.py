"""Small files and folders at any address that pyarrow reaches: local disk, HDFS, S3, GCS, Azure."""

import contextlib
import os
import re
import uuid
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Self

from pyarrow import fs

from segmentation.errors import StorageError, one_line

GLOB_CHARACTERS = re.compile(r"([\[\]{}*?\\])")


@dataclass(frozen=True)
class Folder:
    """A folder: ``uri`` as Spark takes it, ``path`` as ``filesystem`` does."""

    filesystem: fs.FileSystem
    path: str
    uri: str

    @classmethod
    def at(cls, address: str) -> Self:
        """The folder at an address; without a scheme it lies on this machine's disk.

        Raises
        ------
        StorageError
            If no file system answers to the address.
        """
        if "://" not in address and not address.startswith("file:"):
            path = str(Path(address).absolute())
            return cls(fs.LocalFileSystem(), path, f"file://{path}")
        if address.startswith("file:"):
            return cls.at("/" + address.removeprefix("file:").lstrip("/"))
        try:
            # Hadoop's names of object stores, in the words of pyarrow
            plain = re.sub(r"^(s3a|s3n)://", "s3://", address)
            filesystem, path = fs.FileSystem.from_uri(plain)
        except (OSError, ValueError) as error:
            raise StorageError(
                f"output.path = {address!r} is not to be reached: {one_line(str(error))}"
            ) from None
        return cls(filesystem, path.rstrip("/"), address.rstrip("/"))

    def child(self, name: str) -> Self:
        """A folder in this folder."""
        return type(self)(self.filesystem, f"{self.path}/{name}", f"{self.uri}/{name}")

    @property
    def glob(self) -> str:
        """``uri`` for Spark's readers, which take some characters for wildcards."""
        return GLOB_CHARACTERS.sub(r"\\\1", self.uri)

    @property
    def renames(self) -> bool:
        """Whether a folder gets another name in one step; an object store has no folders."""
        return isinstance(self.filesystem, fs.LocalFileSystem | fs.HadoopFileSystem)

    def names(self) -> list[str]:
        """What stands in the folder, in the alphabet's order."""
        found = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(each.base_name for each in found)

    def files(self) -> list[str]:
        """The paths of the files in it and in the folders below."""
        found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True))
        return sorted(each.path for each in found if each.type == fs.FileType.File)

    def is_table(self) -> bool:
        """Whether it is a folder that holds Parquet files, or folders of a partition each."""
        if self.filesystem.get_file_info(self.path).type != fs.FileType.Directory:
            return False
        return any(name.endswith(".parquet") or "=" in name for name in self.names())

    def read(self, name: str) -> str | None:
        """The text of a file in the folder, None where there is none."""
        try:
            with self.filesystem.open_input_stream(f"{self.path}/{name}") as stream:
                return str(stream.read().decode("utf-8"))
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a file in the folder, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(f"{self.path}/{name}")

    def exists(self) -> bool:
        """Whether anything stands at the address."""
        kind = self.filesystem.get_file_info(self.path).type
        return bool(kind != fs.FileType.NotFound)

    def create(self) -> None:
        """Make the folder and those above it.

        Raises
        ------
        StorageError
            If that cannot be done.
        """
        try:
            self.filesystem.create_dir(self.path, recursive=True)
        except OSError as error:
            raise StorageError(
                f"the folder {self.uri} cannot be made: {_reason(error)}; change output.path"
            ) from None

    def delete(self) -> None:
        """Remove the folder and all in it, if it is there."""
        if self.exists():
            self.filesystem.delete_dir(self.path)

    def write(self, name: str, text: str) -> None:
        """Write a text file, whole or not at all where the file system can rename.

        On a local disk and HDFS the rename replaces an older file in one step; an object
        store shows an object when it is complete.

        Raises
        ------
        StorageError
            If that cannot be done.
        """
        target = f"{self.path}/{name}"
        aside = f"{self.path}/.{name}.{uuid.uuid4().hex}"
        try:
            with self.filesystem.open_output_stream(aside) as stream:
                stream.write(text.encode("utf-8"))
            self.filesystem.move(aside, target)
        except OSError as error:
            raise StorageError(
                f"{self.uri}/{name} cannot be written: {_reason(error)}; see output.path"
            ) from None

    def move(self, target: Self) -> None:
        """Give the folder another name in the same file system.

        Raises
        ------
        StorageError
            If that cannot be done.
        """
        try:
            self.filesystem.move(self.path, target.path)
        except OSError as error:
            raise StorageError(
                f"{self.uri} cannot become {target.uri}: {_reason(error)}; see output.path"
            ) from None

    def link(self, name: str, target: str) -> None:
        """Point the symbolic link ``name`` at a folder beside it, where there are such links."""
        if not isinstance(self.filesystem, fs.LocalFileSystem):
            return
        link = Path(self.path) / name
        if link.exists() and not link.is_symlink():
            return  # somebody's own folder
        aside = link.with_name(f".{name}.{uuid.uuid4().hex}")
        try:
            aside.symlink_to(target, target_is_directory=True)
        except OSError:  # a file system without symbolic links
            return
        os.replace(aside, link)  # noqa: PTH105 - Path.replace would follow nothing else


def existing(address: str) -> Folder:
    """The folder at an address, which has to be there.

    Raises
    ------
    StorageError
        If it is not.
    """
    folder = Folder.at(address)
    if not folder.exists():
        raise StorageError(f"{folder.uri} is not there: name an output.path that holds runs")
    return folder


def bytes_on_disk(path: str) -> int | None:
    """The size of an input's files on this machine's disk, None where there are none."""
    there = Path(path).exists()
    found = [path] if there else glob(path)  # noqa: PTH207 - Path.glob takes no absolute pattern
    files = [
        file
        for each in map(Path, found)
        for file in (each.rglob("*") if each.is_dir() else [each])
        if file.is_file()
    ]
    return sum(file.stat().st_size for file in files) if files else None


def escaped(path: str) -> str:
    """An input path for Spark: a name that stands on the disk as it is written is no wildcard."""
    return GLOB_CHARACTERS.sub(r"\\\1", path) if Path(path).exists() else path


def _reason(error: OSError) -> str:
    return error.strerror or one_line(str(error))
