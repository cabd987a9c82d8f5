"""Which failures of a Spark job lie in the files and not in the code."""

import re

from segmentation.errors import StorageError, one_line

MENDABLE = (
    # what Spark or the disk says, and what that means to an operator
    (r"CSV header does not conform to the schema", "the input files have different headers"),
    (r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|is not a Parquet file", "an input file is unreadable"),
    (r"FileNotFoundException|FILE_NOT_EXIST", "a file disappeared while the job ran"),
    (r"No space left on device", "the disk is full"),
    (r"Permission denied|AccessControlException|AccessDeniedException", "access is denied"),
    (r"MALFORMED_RECORD_IN_PARSING|MALFORMED_CSV_RECORD", "an input row cannot be parsed"),
)
PATH = re.compile(r"\b(?:file|hdfs|s3a?|gs|abfss?):/[^\s,\])]+")


def mendable(error: BaseException) -> StorageError | None:
    """The failure in the operator's words, or None where it is not known to be mendable."""
    text = str(error)
    for pattern, meaning in MENDABLE:
        found = re.search(pattern, text)
        if found is not None:
            path = PATH.search(text, max(0, found.start() - 300))
            where = f" ({path.group()})" if path else ""
            line = next(line for line in text[found.start() :].splitlines() if line)
            return StorageError(
                f"{meaning}{where}: {one_line(line)[:200]}; see input.path and output.path"
            )
    return None
