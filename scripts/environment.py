"""Make ``.venv`` from a lock file. ``environment.sh`` calls this when .venv is not what it wants.

Runs on the machine's own Python, before anything is installed: standard library only.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# What is in .venv: a copy of every lock that it satisfies, and the place it was made for.
INSTALLED = VENV / "installed"
UNFINISHED = VENV / "unfinished"
LOCKFILE = VENV / "setup.lock"
RUN_LOCK = "requirements.lock"
# With these set, pip would install somewhere else.
MISLEADING = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN"}


class SetupError(Exception):
    """One line for the person who called."""


def main() -> int:
    """Make what the lock named on the command line asks for; 0 when done, 2 with a line if not."""
    try:
        with alone() as lock_descriptor:
            make(sys.argv[1], lock_descriptor)
    except SetupError as error:
        say(str(error))
        return 2
    except OSError as error:
        say(f"cannot set up {VENV}, found {error}: use a copy of the project that you may write to")
        return 2
    except KeyboardInterrupt:
        say("set-up of .venv interrupted, the next call starts it afresh")
        return 130
    return 0


@contextlib.contextmanager
def alone() -> Iterator[int]:
    """One set-up at a time. The system drops the lock with its last holder, so none goes stale."""
    VENV.mkdir(exist_ok=True)
    with LOCKFILE.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of .venv to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def make(lock: str, lock_descriptor: int) -> None:
    """Install the lock into .venv: added to what is there if that is sound, else from nothing."""
    wanted = (ROOT / lock).read_bytes()
    if is_installed(lock):
        return
    say("Setting up .venv (once, about a minute)")
    is_ours = INSTALLED.exists() or UNFINISHED.exists()
    is_sound = not UNFINISHED.exists() and (is_installed(RUN_LOCK) or not is_ours)
    UNFINISHED.touch()
    if is_ours and not is_sound:
        clear()
    # pip outlives a killed set-up; it holds the lock with us so that nobody else starts meanwhile.
    holding = (lock_descriptor,)
    if not (VENV / "bin" / "pip").exists():
        command = [sys.executable, "-I", "-m", "venv", str(VENV)]
        done = subprocess.run(
            command, pass_fds=holding, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = " ".join((done.stdout + done.stderr).split())
            raise SetupError(f"{sys.executable} -m venv must work, found: {reason}")
    pip = [str(PYTHON), "-I", "-m", "pip", "install", "-qq", "--no-input"]
    options = ["--disable-pip-version-check", "--require-hashes", "--requirement", str(ROOT / lock)]
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    installed = subprocess.run([*pip, *options], pass_fds=holding, env=environment, check=False)
    if installed.returncode != 0:
        raise SetupError(
            f"pip could not install {lock}, see above: it needs the network or a package index "
            "(PIP_INDEX_URL); the next call starts afresh"
        )
    link_sources()
    INSTALLED.mkdir(exist_ok=True)
    (INSTALLED / RUN_LOCK).write_bytes((ROOT / RUN_LOCK).read_bytes())  # part of the other lock
    (INSTALLED / lock).write_bytes(wanted)
    (INSTALLED / "root").write_text(f"{ROOT}\n", encoding="utf-8", errors="surrogateescape")
    UNFINISHED.unlink()


def is_installed(lock: str) -> bool:
    """Whether .venv satisfies the lock; the same question as ``is_ready`` in environment.sh."""
    made_for, copy = INSTALLED / "root", INSTALLED / lock
    return (
        not UNFINISHED.exists()
        and PYTHON.exists()
        and copy.exists()
        and made_for.exists()
        and os.fsdecode(made_for.read_bytes()) == f"{ROOT}\n"
        and copy.read_bytes() == (ROOT / lock).read_bytes()
    )


def clear() -> None:
    """Empty .venv, but for the lock that we hold and the mark that we are not done."""
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry not in {LOCKFILE, UNFINISHED}:
            entry.unlink()


def link_sources() -> None:
    """``import segmentation`` reads lib/, and bin/segment is its command; no build step."""
    command = [str(PYTHON), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    packages = Path(os.fsdecode(found).strip())
    # Relative, as the encoding in which site reads this file depends on the locale.
    sources = os.path.relpath(ROOT / "lib", packages)
    (packages / "customer_segmentation.pth").write_text(f"{sources}\n", encoding="ascii")
    segment = VENV / "bin" / "segment"
    script = f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} -P -m segmentation "$@"\n'
    segment.write_bytes(os.fsencode(script))
    segment.chmod(0o755)


def say(line: str) -> None:
    """Print to stderr: what the called script prints to stdout may be piped."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
