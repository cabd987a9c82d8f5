# Sourced by the scripts beside it: finds a Python, makes .venv once, and puts it to use.
# Afterwards: $root is the repository, $python the interpreter to run.

root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/.." && pwd -P)
venv=$root/.venv

refuse() {
    printf '%s: %s\n' "scripts/${0##*/}" "$1" >&2
    exit 2
}

# Sets $python to the first interpreter that is new enough and can make an environment.
# Each one is started: a shim of pyenv or of an app store is on PATH and still fails.
find_python() {
    probe='
import sys
status = "ready"
if sys.version_info < (3, 11):
    status = "old"
else:
    try:
        import ensurepip, venv
    except ImportError:
        status = "bare"
print("%s %d.%d" % ((status,) + sys.version_info[:2]))'
    too_old='' bare=''
    for python in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        [ -n "$python" ] || continue
        found=$("$python" -c "$probe" 2>/dev/null) || continue
        case $found in
            ready*) return ;;
            bare*) bare=${bare:-${found#bare }} ;;
            old*) too_old="${too_old:+$too_old, }$python is ${found#old }" ;;
        esac
    done
    [ -z "$bare" ] ||
        refuse "Python $bare has no venv module: install it (Debian, Ubuntu: apt install python$bare-venv) or set PYTHON"
    refuse "needs Python 3.11 or newer, found ${too_old:-none}: install one or set PYTHON to its path"
}

# True where .venv holds what the lock asks for, made for a repository at this very place.
is_ready() {
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/segment" ] &&
        IFS= read -r made_for 2>/dev/null <"$venv/installed/root" && [ "$made_for" = "$root" ] &&
        cmp -s "$root/$1" "$venv/installed/$1"
}

# use_environment LOCK: the packages of that lock, and only theirs, from here on.
use_environment() {
    if ! is_ready "$1"; then
        find_python
        "$python" -I "$root/scripts/environment.py" "$1" || exit
    fi
    python=$venv/bin/python
    PATH=$venv/bin:$PATH
    # spark-submit would look for Spark with an unquoted command, which a blank in the path breaks,
    # and a SPARK_HOME left over from another Spark would pair its jars with our pyspark.
    for SPARK_HOME in "$venv"/lib/python3*/site-packages/pyspark; do :; done
    export PATH SPARK_HOME
}

# use_spark VERSION: that PySpark instead of the locked one, kept beside .venv; $python finds it first.
use_spark() {
    spark=$root/.spark/$(printf '%s' "$1" | tr -c '0-9.\n' x)
    if [ ! -d "$spark" ]; then
        rm -rf "$spark.part"
        "$python" -m pip install --quiet --disable-pip-version-check --target "$spark.part" \
            "pyspark==$1" || refuse "pyspark==$1 could not be installed: name a version that there is"
        mv "$spark.part" "$spark"
    fi
    PYTHONPATH=$spark${PYTHONPATH:+:$PYTHONPATH}
    SPARK_HOME=$spark/pyspark
    export PYTHONPATH SPARK_HOME
    printf 'Spark %s\n' "$("$python" -c 'import pyspark; print(pyspark.__version__)')" >&2
}
