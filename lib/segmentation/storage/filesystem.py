"""Small files and folders on any file system of pyarrow: local disk, HDFS, S3, GCS, Azure."""

import contextlib
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyarrow import fs

from segmentation.errors import DamagedError, StorageError, one_line
from segmentation.storage.addresses import GLOB_CHARACTERS, local_path


@dataclass(frozen=True)
class Folder:
    """A folder: ``uri`` for Spark, ``path`` for ``filesystem``.

    Every method raises :class:`StorageError` if the file system refuses.
    """

    filesystem: fs.FileSystem
    path: str
    uri: str

    @classmethod
    def at(cls, address: str) -> Self:
        """The folder at a URI or path; without a scheme it is on the local disk.

        Raises
        ------
        StorageError
            If the URI is invalid, or its file system cannot be reached.
        """
        local = local_path(address)
        if local is not None:
            path = str(Path(local).absolute())
            return cls(fs.LocalFileSystem(), path, f"file://{path}")
        try:
            # Hadoop's schemes of object stores, as pyarrow's
            plain = re.sub(r"^(s3a|s3n)://", "s3://", address)
            filesystem, path = fs.FileSystem.from_uri(plain)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise StorageError(
                f"output.path = {address!r} cannot be reached: {one_line(str(error))}"
            ) from None
        return cls(filesystem, path.rstrip("/"), address.rstrip("/"))

    def child(self, name: str) -> Self:
        """A subfolder."""
        return type(self)(self.filesystem, f"{self.path}/{name}", f"{self.uri}/{name}")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def glob(self) -> str:
        """``uri`` for Spark's readers, with wildcards escaped."""
        return GLOB_CHARACTERS.sub(r"\\\1", self.uri)

    @property
    def is_local(self) -> bool:
        """Whether it is on the local disk, where a rename replaces a file in one step."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    @property
    def renames(self) -> bool:
        """Whether a folder is renamed in one step; an object store has no folders."""
        return self.filesystem.type_name.removeprefix("py::") in ("local", "hdfs")

    def names(self) -> list[str]:
        """The entries of the folder, in alphabetical order; none if it is missing."""
        with self._one_line_errors("cannot be listed"):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(each.base_name for each in found)

    def files(self) -> list[str]:
        """The paths of all files in it and its subfolders."""
        with self._one_line_errors("cannot be listed"):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True))
        return sorted(each.path for each in found if each.type == fs.FileType.File)

    def is_table(self) -> bool:
        """Whether it is a folder with Parquet files or partition folders."""
        if not self.is_folder():
            return False
        return any(name.endswith(".parquet") or "=" in name for name in self.names())

    def read(self, name: str) -> str | None:
        """The text of a file in the folder, None if it does not exist.

        Raises
        ------
        DamagedError
            If it is a folder, or not UTF-8 text.
        """
        with self._one_line_errors("cannot be read", name):
            try:
                with self.filesystem.open_input_stream(f"{self.path}/{name}") as stream:
                    content = stream.read()
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError:
                if self.child(name).is_folder():
                    raise DamagedError(
                        f"{self.uri}/{name} is a folder, needs to be a file; see output.path"
                    ) from None
                raise
        try:
            return str(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DamagedError(
                f"{self.uri}/{name} is damaged: byte {error.start} is not UTF-8; see output.path"
            ) from None

    def remove(self, name: str) -> None:
        """Remove a file in the folder, if it exists."""
        with (
            self._one_line_errors("cannot be removed", name),
            contextlib.suppress(FileNotFoundError),
        ):
            self.filesystem.delete_file(f"{self.path}/{name}")

    def exists(self) -> bool:
        """Whether anything exists at the path."""
        return bool(self._kind() != fs.FileType.NotFound)

    def is_folder(self) -> bool:
        """Whether it exists and is a folder, not a link to one."""
        if self.is_local and Path(self.path).is_symlink():
            return False
        return bool(self._kind() == fs.FileType.Directory)

    def create(self) -> None:
        """Create the folder and its parents."""
        with self._one_line_errors("cannot be created"):
            self.filesystem.create_dir(self.path, recursive=True)

    def delete(self) -> None:
        """Remove the folder with its content, if it exists; a file or a link is kept."""
        if self.is_folder():
            with self._one_line_errors("cannot be removed"), contextlib.suppress(FileNotFoundError):
                self.filesystem.delete_dir(self.path)

    def write(self, name: str, text: str) -> None:
        """Write a text file, or replace one.

        On a local disk, where one rename replaces the file and both are flushed, and on S3 and
        GCS, where an object appears when it is complete, a reader sees the old or the new text.
        HDFS removes the old file before it renames the new one, and Azure empties it: for a moment
        there is no text.
        """
        if not self.renames:
            self.overwrite(name, text)
            return
        temporary = f".{name}.{uuid.uuid4().hex}"
        self.overwrite(temporary, text)
        with self._one_line_errors("cannot be written", name):
            if self.is_local:
                _flush(f"{self.path}/{temporary}")
            self.filesystem.move(f"{self.path}/{temporary}", f"{self.path}/{name}")
            if self.is_local:
                _flush(self.path)

    def overwrite(self, name: str, text: str) -> None:
        """Write a text file in place: on HDFS and Azure it is empty until it is complete."""
        with (
            self._one_line_errors("cannot be written", name),
            self.filesystem.open_output_stream(f"{self.path}/{name}") as stream,
        ):
            stream.write(text.encode("utf-8"))

    def move(self, target: Self) -> None:
        """Rename the folder within its file system.

        Raises
        ------
        StorageError
            If that fails, or the target exists: HDFS would move the folder into it.
        """
        if target.exists():
            raise StorageError(f"{self.uri} cannot be renamed to {target.uri}: it exists")
        with self._one_line_errors(f"cannot be renamed to {target.uri}"):
            self.filesystem.move(self.path, target.path)

    def link(self, name: str, target: str) -> None:
        """Point the symbolic link ``name`` at a sibling folder, if the file system has links."""
        if not self.is_local:
            return
        link = Path(self.path) / name
        if link.exists() and not link.is_symlink():
            return  # not ours: a file or folder of that name
        temporary = link.with_name(f".{name}.{uuid.uuid4().hex}")
        try:
            temporary.symlink_to(target, target_is_directory=True)
        except OSError:  # a file system without symbolic links
            return
        with self._one_line_errors("cannot be written", name):
            os.replace(temporary, link)  # noqa: PTH105 - Path.replace would follow nothing else

    def _kind(self) -> fs.FileType:
        with self._one_line_errors("cannot be reached"):
            return self.filesystem.get_file_info(self.path).type

    @contextlib.contextmanager
    def _one_line_errors(self, what: str, name: str | None = None) -> Iterator[None]:
        """Errors of the file system as one line for the operator."""
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            address = self.uri if name is None else f"{self.uri}/{name}"
            raise StorageError(f"{address} {what}: {_reason(error)}; see output.path") from None


def existing_folder(address: str) -> Folder:
    """The existing folder at a URI or path.

    Raises
    ------
    StorageError
        If it does not exist.
    """
    folder = Folder.at(address)
    if not folder.exists():
        raise StorageError(f"{folder.uri} does not exist: name an output.path with runs")
    return folder


def _flush(path: str) -> None:
    """Flush to disk, so that a power failure does not undo a rename."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    """The cause without the path and details that pyarrow adds."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(str(error))
