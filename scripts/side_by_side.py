"""All tests in two processes side by side, each of about half the time.

Each has its own closing line; the status is that of the first that did not pass.
"""

import subprocess
import sys
import tempfile

ALONE = tuple(
    f"tests/jobs/test_{name}.py"
    for name in ("benchmark", "class_archive", "readme_commands", "report_in_browser", "scripts")
)
"""Tests of jobs that need no session, or start programs with one of their own."""

FIRST = ("tests/jobs", "tests/unit", *(f"--ignore={path}" for path in ALONE))
SECOND = ("tests/spark", "tests/cluster", *ALONE)
"""Some 400 s of processor time each. With the tiers of Spark in one process, 20 s in all are saved,
as one session gets warm, but that process takes twice as long as the other."""


def main() -> int:
    """Run pytest on both, with the options of this command; the status to exit with."""
    pytest = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    with tempfile.TemporaryFile() as log:
        second = subprocess.Popen(
            [*pytest, "-o", "cache_dir=.pytest_cache/second", *SECOND],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        both = [subprocess.Popen([*pytest, *FIRST]), second]
        try:
            statuses = [each.wait() for each in both]
        except KeyboardInterrupt:  # Ctrl-C reaches both, and each cleans up behind itself
            statuses = [each.wait() for each in both]
        log.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(log.read())
    return next(filter(None, statuses), 0)


if __name__ == "__main__":
    sys.exit(main())
