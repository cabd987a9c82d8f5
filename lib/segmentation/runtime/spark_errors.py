"""Failures of a Spark job that are caused by the files and not by the code."""

import re

from segmentation.errors import StorageError, one_line

OPERATOR_ERRORS = (
    # text of the failure; its meaning for an operator; where to fix it
    (
        r"CSV header does not conform|Number of column in CSV header",
        "the input files have different headers, or columns with no name or the same",
        "input.path",
    ),
    (r"MALFORMED_(CSV_)?RECORD", "an input row cannot be parsed", "input.options.mode = FAILFAST"),
    (r"\S+ flag can be true or false", "a reader option has a wrong value", "input.options"),
    (
        r"CANNOT_MERGE_SCHEMAS?|CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE|[Ff]ailed to merge",
        "the input files have columns of different types",
        "input.path",
    ),
    (r"Illegal Parquet type", "a column is of a type that Spark does not read", "input.path"),
    (r"UNABLE_TO_INFER_SCHEMA", "there are no files to read, or none with rows", "input.path"),
    (
        r"No FileSystem for scheme|Class \S+FileSystem not found",
        "Spark has no file system for an address",
        "input.path, output.path or Spark's packages",
    ),
    (r"No space left on device", "the disk is full", "output.path or spark.local.dir"),
    (
        r"Permission denied|AccessControlException|AccessDeniedException",
        "access is denied",
        "input.path and output.path",
    ),
    (
        r"OutOfMemoryError: Java heap space",
        "Spark is out of memory",
        "spark.driver.memory and spark.executor.memory",
    ),
    (
        r"FileNotFoundException|FILE_NOT_EXIST|NoSuchFileException",
        "a file disappeared while the job ran",
        "input.path and output.path",
    ),
    (
        r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|is not a Parquet file",
        "an input file cannot be read",
        "input.path and input.format",
    ),
)
CAUSE = re.compile(r"Caused by: (.*?)(?=\n\s*(?:at |\.\.\. )|\Z)", re.DOTALL)
PATH = re.compile(
    r"(?:reading file|CSV file:) (\S.*?)(?=\. Could|\.?\s+SQLSTATE|\n|\Z)"
    r"|\b((?:file|hdfs|s3a?|gs|abfss?):/[^\s,\])]+)"
)
MAX_MESSAGE = 250


def operator_error(error: BaseException) -> StorageError | None:
    """The failure in the operator's terms, or None if it is not a known operator error."""
    text = str(error)
    for pattern, meaning, place in OPERATOR_ERRORS:
        found = re.search(pattern, text)
        if found is not None:
            path = PATH.search(text)
            where = f" ({path.group(1) or path.group(2)})" if path else ""
            causes = CAUSE.findall(text)
            said = in_short(causes[-1] if causes else text[found.start() :])
            return StorageError(f"{meaning}{where}: {said}; see {place}")
    return None


def in_short(said: str) -> str:
    """The message of Spark or Java in one line, without class, code, stack trace and plan."""
    message = one_line(re.split(r"\n\s*at |JVM stacktrace|\n\n", said)[0])
    message = re.sub(r"^([\w.$]+(Exception|Error): )+", "", message)
    message = re.sub(r"^\[?[A-Z][A-Z_.]+\] ", "", message).split(" SQLSTATE")[0]
    return message[:MAX_MESSAGE].rstrip(" .")
