"""Pack ``lib/segmentation`` into ``dist/segmentation.zip``. Standard library only."""

import sys
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lib" / "segmentation"
ARCHIVE = ROOT / "dist" / "segmentation.zip"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
PLAIN_FILE = 0o100644


def main() -> int:
    """Write the archive and say where it is."""
    ARCHIVE.parent.mkdir(exist_ok=True)
    aside = ARCHIVE.with_suffix(".zip.new")
    files = sources()
    # Stored, not deflated: compressed bytes differ between releases of zlib.
    with ZipFile(aside, "w", ZIP_STORED) as archive:
        for file in files:
            entry = ZipInfo(file.relative_to(PACKAGE.parent).as_posix(), ZIP_EPOCH)
            entry.create_system = 3  # Unix, whatever this is
            entry.external_attr = PLAIN_FILE << 16
            archive.writestr(entry, file.read_bytes())
    aside.replace(ARCHIVE)
    print(f"{ARCHIVE} ({len(files)} files)")
    return 0


def sources() -> list[Path]:
    """Every file of the package, templates too, without what Python or an editor left there."""
    return sorted(
        file
        for file in PACKAGE.rglob("*")
        if file.is_file() and file.suffix != ".pyc" and not file.name.startswith(".")
    )


if __name__ == "__main__":
    sys.exit(main())
