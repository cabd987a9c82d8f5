"""What scripts/ promises, in copies of the project whose path has a blank and a quote in it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.side_by_side import ALONE, FIRST, SECOND

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
TOOLS = ("dirname", "cmp", "sh")  # all that the scripts take from PATH, besides a Python


def programs(folder, **texts):
    """A folder to be the whole PATH: the tools above and the given shell scripts."""
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    for name, text in texts.items():
        write_program(folder / name, text)
    return folder


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def pretending(setup):
    """A Python that runs ``setup`` before what it is asked to run with -c."""
    program = shlex.quote(f"import sys; {setup}; exec(sys.argv[1])")
    return f'exec {shlex.quote(sys.executable)} -c {program} "$2"'


@pytest.fixture
def project(tmp_path):
    """The scripts, locks of no packages, and a package that prints what it was given."""
    root = tmp_path / "it's a project"
    shutil.copytree(ROOT / "scripts", root / "scripts")
    for lock in LOCKS:
        (root / lock).write_text(f"# {lock}\n")
    package = root / "lib" / "segmentation"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys\nprint('segment', *sys.argv[1:])\n")
    return root


@pytest.fixture
def elsewhere(tmp_path):
    """The caller's working directory, with a module in it that must not be imported."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "segmentation.py").write_text("raise SystemExit('imported the wrong one')\n")
    return folder


def call(script, *arguments, cwd, path, **environment):
    """The finished call, with that PATH and a HOME that is an empty folder."""
    home = cwd / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [script, *arguments],
        cwd=cwd,
        env={"PATH": str(path), "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def stamped(root, *, python, locks=LOCKS):
    """A .venv that looks as if it had been set up, with that shell script as its Python."""
    write_program(root / ".venv" / "bin" / "python", python)
    write_program(root / ".venv" / "bin" / "segment", "")
    installed = root / ".venv" / "installed"
    installed.mkdir()
    (installed / "root").write_text(f"{root}\n")
    for lock in locks:
        shutil.copy(root / lock, installed)


# --- finding a Python


@pytest.mark.parametrize("script", ["run", "test", "check", "package"])
def test_no_new_python_is_one_line_and_exit_2(project, elsewhere, tmp_path, script):
    old = pretending("sys.version_info = (3, 9, 2)")
    path = programs(tmp_path / "bin", python3=old, python="exit 127")
    done = call(project / "scripts" / script, cwd=elsewhere, path=path)
    assert done.returncode == 2
    assert done.stderr == (
        f"scripts/{script}: needs Python 3.11 or newer, found python3 is 3.9: "
        "install one or set PYTHON to its path\n"
    )
    assert not (project / ".venv").exists()


def test_python_without_venv_names_the_package(project, elsewhere, tmp_path):
    path = programs(tmp_path / "bin", python3=pretending("sys.modules['ensurepip'] = None"))
    done = call(project / "scripts" / "run", cwd=elsewhere, path=path)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"apt install python{version}-venv" in done.stderr


def test_shims_that_fail_and_old_ones_are_passed_over(project, elsewhere, tmp_path):
    path = programs(
        tmp_path / "bin",
        python3="echo 'python3: command not found' >&2; exit 127",
        python=f'exec {shlex.quote(sys.executable)} "$@"',
        **{"python3.11": pretending("sys.version_info = (3, 9)")},
    )
    done = call(project / "scripts" / "package", cwd=elsewhere, path=path)
    assert (done.returncode, done.stderr) == (0, "")


# --- setting up


@pytest.fixture
def path_with_python(tmp_path):
    return programs(tmp_path / "bin", python3=f'exec {shlex.quote(sys.executable)} "$@"')


def test_set_up_once_for_two_calls_at_a_time_then_never_again(
    project, elsewhere, tmp_path, path_with_python
):
    run = project / "scripts" / "run"
    both = [
        subprocess.Popen(
            [run, "CONFIG", "--set", "input.path=a b"],
            cwd=elsewhere,
            env={"PATH": str(path_with_python), "HOME": str(tmp_path / "no such home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [out for out, _ in outputs] == ["segment run CONFIG --set input.path=a b\n"] * 2
    said = "".join(err for _, err in outputs)
    assert said.count("Setting up .venv") == 1

    no_python = programs(tmp_path / "no python")
    again = call(run, "--help", cwd=elsewhere, path=no_python)
    assert (again.stdout, again.stderr) == ("segment run --help\n", "")
    command = call(project / ".venv" / "bin" / "segment", "--help", cwd=elsewhere, path=no_python)
    assert (command.stdout, command.stderr) == ("segment --help\n", "")

    # A set-up that was killed leaves this mark, and nothing of it is trusted.
    (project / ".venv" / "unfinished").touch()
    (project / ".venv" / "installed" / LOCKS[0]).unlink()
    leftover = project / ".venv" / "lib" / "half a package"
    leftover.touch()
    redone = call(run, cwd=elsewhere, path=path_with_python)
    assert (redone.returncode, redone.stdout) == (0, "segment run\n"), redone.stderr
    assert "Setting up .venv" in redone.stderr
    assert not leftover.exists()
    assert not (project / ".venv" / "unfinished").exists()


def test_package_that_is_not_to_be_had_is_exit_2_and_no_stamp(project, elsewhere, path_with_python):
    (project / LOCKS[0]).write_text(f"kneed==0.8.5 --hash=sha256:{64 * '0'}\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    done = call(project / "scripts" / "run", cwd=elsewhere, path=path_with_python, **offline)
    assert done.returncode == 2
    assert "pip could not install requirements.lock" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert (project / ".venv" / "unfinished").exists()
    assert not (project / ".venv" / "installed").exists()


def test_changed_lock_or_moved_project_is_set_up_again(project, elsewhere, tmp_path):
    path = programs(tmp_path / "bin")  # no Python: a set-up shows as the refusal
    stamped(project, python="exit 0")
    run = project / "scripts" / "run"
    assert call(run, cwd=elsewhere, path=path).returncode == 0
    (project / LOCKS[0]).write_text("# changed\n")
    assert call(run, cwd=elsewhere, path=path).returncode == 2
    shutil.copy(project / LOCKS[0], project / ".venv" / "installed")
    assert call(run, cwd=elsewhere, path=path).returncode == 0
    moved = project.rename(tmp_path / "moved")
    assert call(moved / "scripts" / "run", cwd=elsewhere, path=path).returncode == 2


def test_tests_want_more_than_a_run(project, elsewhere, tmp_path):
    path = programs(tmp_path / "bin")
    stamped(project, python="exit 0", locks=LOCKS[:1])
    assert call(project / "scripts" / "run", cwd=elsewhere, path=path).returncode == 0
    assert call(project / "scripts" / "test", cwd=elsewhere, path=path).returncode == 2


# --- what the scripts start

SHOW = """pwd; printf '%s\\n' "$@" "$SEGMENT_CONFIG" "$PYSPARK_SUBMIT_ARGS" """


def test_run_stays_in_the_callers_folder_and_points_at_the_projects_files(
    project, elsewhere, tmp_path
):
    stamped(project, python=SHOW)
    done = call(project / "scripts" / "run", "--help", cwd=elsewhere, path=programs(tmp_path / "b"))
    folder, *arguments, config, submit = done.stdout.splitlines()
    assert folder == str(elsewhere)
    assert arguments == ["-P", "-m", "segmentation", "run", "--help"]
    assert config == str(project / "conf" / "demo.toml")
    assert submit == ""  # Spark's settings are the command's own


def test_run_leaves_what_the_caller_has_set(project, elsewhere, tmp_path):
    stamped(project, python=SHOW)
    done = call(
        project / "scripts" / "run",
        cwd=elsewhere,
        path=programs(tmp_path / "bin"),
        SEGMENT_CONFIG="mine.toml",
        PYSPARK_SUBMIT_ARGS="--master yarn pyspark-shell",
    )
    assert done.stdout.splitlines()[-2:] == ["mine.toml", "--master yarn pyspark-shell"]


def test_test_passes_its_arguments_to_pytest_at_the_root(project, elsewhere, tmp_path):
    stamped(project, python=SHOW)
    path = programs(tmp_path / "bin")
    done = call(project / "scripts" / "test", "-k", "a or b", cwd=elsewhere, path=path)
    assert done.stdout.splitlines()[:5] == [str(project), "-m", "pytest", "-k", "a or b"]


def test_all_tests_run_side_by_side_with_the_options(project, elsewhere, tmp_path):
    stamped(project, python=SHOW)
    path = programs(tmp_path / "bin")
    done = call(project / "scripts" / "test", "--thorough", cwd=elsewhere, path=path)
    assert done.stdout.splitlines()[:3] == [str(project), "scripts/side_by_side.py", "--thorough"]


@pytest.mark.parametrize(
    ("first", "second", "status"), [("0", "0", 0), ("0", "1", 1), ("1", "0", 1)]
)
def test_both_sides_of_all_tests_are_shown_and_count(tmp_path, first, second, status):
    for tier, told in (("jobs", first), ("spark", second), ("unit", "0"), ("cluster", "0")):
        (tmp_path / "tests" / tier).mkdir(parents=True)
        test = f"def test_{tier}(): assert {told} == 0"
        (tmp_path / "tests" / tier / f"test_{tier}.py").write_text(test)
    for path in ALONE:
        (tmp_path / path).write_text("def test_alone(): pass")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "side_by_side.py", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    closing = [line for line in done.stdout.splitlines() if " in " in line]
    assert [line.partition(" in ")[0] for line in closing] == [
        f"1 failed, {passed - 1} passed" if failed == "1" else f"{passed} passed"
        for failed, passed in ((first, 2), (second, 2 + len(ALONE)))
    ]


def test_no_test_is_on_neither_side_or_on_both():
    """And the tests of jobs on the second side need no session."""
    chosen = [[path for path in side if not path.startswith("--")] for side in (FIRST, SECOND)]
    ignored = [path.removeprefix("--ignore=") for path in FIRST if path.startswith("--")]
    assert sorted(ignored) == sorted(path for path in SECOND if path.endswith(".py"))
    tiers = sorted(path for side in chosen for path in side if not path.endswith(".py"))
    assert tiers == sorted({f"tests/{path.parent.name}" for path in ROOT.glob("tests/*/test_*.py")})
    with_session = re.compile(r"^def \w+\([^)]*\b(spark|segment)\b", re.MULTILINE)
    alone = [path for path in chosen[1] if path.endswith(".py")]
    assert not [path for path in alone if with_session.search((ROOT / path).read_text())]


def test_check_stops_at_the_first_failure_with_its_status(project, elsewhere, tmp_path):
    stamped(project, python='case "$*" in *"ruff check"*) exit 3 ;; esac')
    done = call(project / "scripts" / "check", cwd=elsewhere, path=programs(tmp_path / "bin"))
    assert done.returncode == 3
    assert done.stdout.split() == ["==", "format", "==", "lint"]
    assert done.stderr == "scripts/check: stopped at lint\n"


# --- the archive for spark-submit


def test_package_is_the_same_bytes_from_the_same_sources(project, elsewhere, path_with_python):
    shutil.rmtree(project / "lib")
    shutil.copytree(ROOT / "lib", project / "lib")
    script, archive = project / "scripts" / "package", project / "dist" / "segmentation.zip"
    assert call(script, cwd=elsewhere, path=path_with_python).returncode == 0
    first = archive.read_bytes()
    for file in (project / "lib").rglob("*.py"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    (project / "lib" / "segmentation" / "__pycache__").mkdir(exist_ok=True)
    (project / "lib" / "segmentation" / "__pycache__" / "errors.cpython-311.pyc").touch()
    assert call(script, cwd=elsewhere, path=path_with_python).returncode == 0
    assert archive.read_bytes() == first
    assert [file.name for file in archive.parent.iterdir()] == ["segmentation.zip"]


def test_package_imports_from_the_archive_with_its_templates(project, path_with_python, elsewhere):
    shutil.rmtree(project / "lib")
    shutil.copytree(ROOT / "lib", project / "lib")
    call(project / "scripts" / "package", cwd=elsewhere, path=path_with_python)
    archive = str(project / "dist" / "segmentation.zip")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import importlib.resources, segmentation.config, segmentation.errors\n"
        "print(segmentation.errors.__file__)\n"
        "for item in importlib.resources.files('segmentation.reporting').iterdir():\n"
        "    if item.name.endswith('.j2'): print(item.name, len(item.read_text('utf-8')) > 0)\n"
    )
    command = [sys.executable, "-P", "-c", program, archive]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True)
    imported, *templates = done.stdout.splitlines()
    assert imported.startswith(archive)
    assert templates
    assert all(line.endswith("True") for line in templates)


# --- the locks


def pins(lock):
    """The pins of a lock, ``name==version ; marker``, each with its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {
        line.split("--hash")[0].strip(): set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line))
        for line in lines
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_versions_and_hashes_and_no_address(lock):
    assert pins(lock)
    for pin, hashes in pins(lock).items():
        assert re.match(r"[a-z0-9._-]+==[^\s;]+( ;|$)", pin), pin
        assert hashes, pin
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^(-e|-i|--(?!hash))", text, re.MULTILINE)


def test_dev_lock_holds_the_run_lock():
    run, dev = pins(LOCKS[0]), pins(LOCKS[1])
    assert {pin: dev.get(pin) for pin in run} == run
