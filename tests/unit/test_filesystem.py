"""Addresses of output folders, and what a file system refuses, as one line."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import fs

from segmentation.errors import StorageError
from segmentation.storage.filesystem import Folder


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/a/b", "/a/b"),
        ("/a/s3:b", "/a/s3:b"),
        ("./s3:b", f"{Path.cwd()}/s3:b"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b", "/a/b"),
        ("file://localhost/a/b", "/a/b"),  # RFC 8089
    ],
)
def test_an_address_on_this_machines_disk(address, path):
    folder = Folder.at(address)
    assert (folder.path, folder.uri) == (path, f"file://{path}")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3:bucket/x", "needs s3:// before the rest"),
        ("hdfs:/x", "needs hdfs:// before the rest"),
        ("file:x", "needs an absolute path after file:"),
        ("file://", "needs an absolute path after file:"),
        ("file://host/x", "names another host"),
        ("${HOME}/out", "variables are not expanded"),
        ("s3://${BUCKET}/out", "variables are not expanded"),
        ("a\0b", "is empty or not a path"),
        ("", "is empty or not a path"),
        (" ", "is empty or not a path"),
        ("nofs://x/y", "cannot be reached"),
        ("http://x/y", "cannot be reached"),
    ],
)
def test_an_address_that_is_none_is_refused_and_no_folder_made(
    address, told, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=told) as refused:
        Folder.at(address)
    assert "output.path" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


class Refusing(fs.FileSystemHandler):  # type: ignore[misc]  # pyarrow ships no types
    """A file system that refuses everything, as S3 does without the right credentials."""

    def __init__(self, error):
        self.error = error

    def get_type_name(self):
        return "s3"

    def normalize_path(self, path):
        return path

    def _refuse(self, *_, **__):
        raise self.error

    get_file_info = get_file_info_selector = create_dir = delete_dir = delete_file = _refuse
    delete_dir_contents = delete_root_dir_contents = move = copy_file = _refuse
    open_input_stream = open_input_file = open_output_stream = open_append_stream = _refuse


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied"),
        OSError("When listing objects: AWS Error ACCESS_DENIED:\nAccess Denied."),
        pa.ArrowInvalid("Bucket name is invalid"),
        pa.ArrowNotImplementedError("This build has no such file system"),
    ],
)
def test_what_a_file_system_refuses_is_one_line(error):
    folder = Folder(fs.PyFileSystem(Refusing(error)), "bucket/x", "s3://bucket/x")
    for method, arguments in {
        "names": (), "files": (), "is_table": (), "exists": (), "create": (), "delete": (),
        "read": ("a",), "remove": ("a",), "write": ("a", "text"), "move": (folder,),
    }.items():  # fmt: skip
        with pytest.raises(StorageError, match=r"s3://bucket/x.*output\.path") as refused:
            getattr(folder, method)(*arguments)
        assert "\n" not in str(refused.value)


def test_a_folder_is_not_moved_over_another(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    folder = Folder.at(str(tmp_path))
    with pytest.raises(StorageError, match=r"/a cannot be renamed to .*/b: it exists"):
        folder.child("a").move(folder.child("b"))


def test_only_a_folder_of_its_own_is_deleted(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    folder = Folder.at(str(tmp_path))
    for name in ("file", "link", "missing"):
        folder.child(name).delete()
    assert folder.names() == ["elsewhere", "file", "link"]
