"""File systems in memory that behave as HDFS and S3 do through pyarrow, one small step at a time.

``HDFS`` has Arrow's move: a rename, and where a file is in the way a removal and a rename; a
folder that is moved onto a folder ends up in it; a file is empty until it is closed. ``S3`` has
objects only: one appears when it is complete, a move is a copy and a removal, and a folder goes
object by object. Each step calls ``before``, which may wait or raise.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa
from pyarrow import fs

from segmentation.storage.filesystem import Folder


class Killed(BaseException):
    """The process is gone; nothing of it may catch this."""


@dataclass
class Memory:
    """What is stored: files by their path, and folders."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"out"})

    def copy(self):
        return Memory(dict(self.files), set(self.folders))

    def kind(self, path):
        if path in self.files:
            return fs.FileType.File
        everything = (*self.files, *self.folders)
        is_folder = path in self.folders or any(name.startswith(path + "/") for name in everything)
        return fs.FileType.Directory if is_folder else fs.FileType.NotFound

    def below(self, path):
        """Every path in a folder and in those below it."""
        found = {name for name in (*self.files, *self.folders) if name.startswith(path + "/")}
        parents = {str(up) for name in found for up in PurePosixPath(name).parents}
        return sorted(found | {up for up in parents if up.startswith(path + "/")})


class Closing(io.BytesIO):
    """A file that is stored when it is closed."""

    def __init__(self, done: Callable[[bytes], None]):
        super().__init__()
        self.done = done

    def close(self):
        if not self.closed:
            content = self.getvalue()
            super().close()
            self.done(content)


class InMemory(fs.FileSystemHandler):  # type: ignore[misc]  # pyarrow ships no types
    """What both have in common."""

    def __init__(self, memory: Memory, before: Callable[[str, str], None]):
        self.memory, self.before = memory, before

    def normalize_path(self, path):
        return path

    def get_file_info(self, paths):
        return [self._info(path) for path in paths]

    def _info(self, path):
        self.before("look", path)
        return fs.FileInfo(path, self.memory.kind(path))

    def get_file_info_selector(self, selector):
        self.before("list", selector.base_dir)
        base = selector.base_dir
        if self.memory.kind(base) != fs.FileType.Directory:
            if selector.allow_not_found:
                return []
            raise FileNotFoundError(2, "No such file or directory", base)
        found = [
            path
            for path in self.memory.below(base)
            if selector.recursive or "/" not in path[len(base) + 1 :]
        ]
        return [fs.FileInfo(path, self.memory.kind(path)) for path in found]

    def create_dir(self, path, recursive):  # noqa: ARG002
        self.before("mkdir", path)
        self.memory.folders.add(path)

    def open_input_stream(self, path):
        self.before("read", path)
        if self.memory.kind(path) == fs.FileType.Directory:
            raise OSError(f"Cannot open for reading: path '{path}' is a directory")
        if path not in self.memory.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return pa.PythonFile(io.BytesIO(self.memory.files[path]), mode="r")

    open_input_file = open_input_stream

    def open_append_stream(self, path, metadata):
        raise NotImplementedError

    def copy_file(self, source, target):
        raise NotImplementedError

    def delete_dir_contents(self, path, missing_dir_ok=False):
        raise NotImplementedError

    delete_root_dir_contents = delete_dir_contents

    def delete_file(self, path):
        self.before("remove", path)
        if path not in self.memory.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        del self.memory.files[path]


class HDFS(InMemory):
    """As Arrow's HadoopFileSystem does it."""

    def get_type_name(self):
        return "hdfs"

    def delete_dir(self, path):
        self.before("rmdir", path)
        if self.memory.kind(path) != fs.FileType.Directory:
            raise FileNotFoundError(2, "No such file or directory", path)
        self._drop(path)

    def _drop(self, path):
        for each in self.memory.below(path):
            self.memory.files.pop(each, None)
            self.memory.folders.discard(each)
        self.memory.folders.discard(path)

    def open_output_stream(self, path, metadata):  # noqa: ARG002
        self.before("create", path)
        if self.memory.kind(path) == fs.FileType.Directory:
            raise OSError(f"{path} is a directory")
        self.memory.files[path] = b""

        def done(content):
            self.before("close", path)
            if path not in self.memory.files:  # removed while it was written: the lease expired
                raise FileNotFoundError(2, "No lease on file", path)
            self.memory.files[path] = content

        return pa.PythonFile(Closing(done), mode="w")

    def move(self, source, target):
        self.before("rename", target)
        if self.memory.kind(target) == fs.FileType.File:
            self.before("remove", target)
            self.memory.files.pop(target, None)
            self.before("rename", target)
        kinds = self.memory.kind(source), self.memory.kind(target)
        if kinds[0] == fs.FileType.NotFound:
            raise FileNotFoundError(2, "No such file or directory", source)
        if kinds[1] == fs.FileType.File:
            raise OSError(f"rename {source} to {target} failed")
        if kinds[1] == fs.FileType.Directory:
            target = f"{target}/{PurePosixPath(source).name}"
        for each in [source, *self.memory.below(source)]:
            moved = target + each[len(source) :]
            if each in self.memory.files:
                self.memory.files[moved] = self.memory.files.pop(each)
            if each in self.memory.folders:
                self.memory.folders.remove(each)
                self.memory.folders.add(moved)


class S3(InMemory):
    """As Arrow's S3FileSystem does it."""

    def get_type_name(self):
        return "s3"

    def delete_dir(self, path):
        self.before("list", path)
        if self.memory.kind(path) != fs.FileType.Directory:
            raise FileNotFoundError(2, "No such file or directory", path)
        for each in [*self.memory.below(path), path]:
            self.before("remove", each)
            self.memory.files.pop(each, None)
            self.memory.folders.discard(each)

    def open_output_stream(self, path, metadata):  # noqa: ARG002
        def done(content):
            self.before("put", path)
            self.memory.files[path] = content

        return pa.PythonFile(Closing(done), mode="w")

    def move(self, source, target):
        self.before("copy", target)
        if source not in self.memory.files:
            raise FileNotFoundError(2, "No such file or directory", source)
        self.memory.files[target] = self.memory.files[source]
        self.before("remove", source)
        self.memory.files.pop(source, None)


class Stepping:
    """A file system of pyarrow's own, with the same steps."""

    before: Callable[[str, str], None]

    def get_file_info(self, path):
        self.before("look", str(path))
        return super().get_file_info(path)  # type: ignore[misc]

    def create_dir(self, path, *, recursive=True):
        self.before("mkdir", path)
        super().create_dir(path, recursive=recursive)  # type: ignore[misc]

    def delete_dir(self, path):
        self.before("rmdir", path)
        super().delete_dir(path)  # type: ignore[misc]

    def delete_file(self, path):
        self.before("remove", path)
        super().delete_file(path)  # type: ignore[misc]

    def move(self, source, target):
        self.before("rename", target)
        super().move(source, target)  # type: ignore[misc]

    def open_input_stream(self, path):
        self.before("read", path)
        return super().open_input_stream(path)  # type: ignore[misc]

    def open_output_stream(self, path, **options):
        self.before("create", path)
        return super().open_output_stream(path, **options)  # type: ignore[misc]


class Local(Stepping, fs.LocalFileSystem):  # type: ignore[misc]
    """The local disk."""


class S3Server(Stepping, fs.S3FileSystem):  # type: ignore[misc]
    """A server that speaks S3, such as moto's or MinIO."""


KINDS = {"hdfs": HDFS, "s3": S3}


def in_memory(kind: str, memory: Memory, before: Callable[[str, str], None], uri: str) -> Folder:
    """An output folder in memory."""
    return Folder(fs.PyFileSystem(KINDS[kind](memory, before)), "out", uri)
