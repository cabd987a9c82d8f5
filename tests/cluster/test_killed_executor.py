"""An executor dies while all rows are scored: the same answer or a clean failure, no other number.

``SEGMENTATION_KILLS`` says how many runs lose an executor, each at another moment; 1 otherwise,
and a few more until one of them lost it while it scored.
"""

import os
import time
from contextlib import suppress
from itertools import count

import psutil
import pytest

from tests.cluster.conftest import RUN_S, SAMPLED
from tests.cluster.digests import digest
from tests.rotation import SEED

pytestmark = [pytest.mark.cluster, pytest.mark.turn(0, of=5)]

KILLS = int(os.environ.get("SEGMENTATION_KILLS", "1"))
MORE = 4
NEXT = 0.618
MOMENT = 0.1 + 0.2 * (SEED * NEXT % 1)
"""The first kill's share of the scoring pass, and how much later in it each next one is. Early,
as the pass that was timed was the first of its JVMs."""

BEFORE, PASS = "INFO segment: sweep: ", "INFO segment: score: "


def executors(application):
    """The JVMs of the application's executors, the longest running first."""
    found = []
    for process in application.program.family():
        with suppress(psutil.NoSuchProcess):
            if any("CoarseGrainedExecutorBackend" in word for word in process.cmdline()):
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def test_a_lost_executor_changes_no_number(
    local_cluster, undisturbed, inputs, tmp_path, record_property
):
    expected = digest(undisturbed.run)
    program, scoring_s = local_cluster.program, undisturbed.scoring_s
    hits = failures = 0
    for kill in count():
        if kill >= KILLS and (hits or kill >= KILLS + MORE):
            break
        run_id = f"kill-{kill}"
        start = local_cluster.start(
            inputs.arguments(undisturbed.input, tmp_path, SAMPLED, run_id=run_id),
        )
        began = program.wait_for(BEFORE, after=start, timeout=RUN_S)
        time.sleep(scoring_s * ((MOMENT + kill * NEXT) % 1))
        alive = executors(local_cluster)
        alive[kill % len(alive)].kill()
        status = local_cluster.status(start)
        said = program.text()[began:]
        assert "Lost executor" in said, "Spark has not missed the executor"
        hits += "Lost task" in said.partition(PASS)[0]
        published = tmp_path / f"run={run_id}"
        if status == 0:
            scoring_s = min(scoring_s, local_cluster.scoring_s(start))
            assert digest(published) == expected, f"kill {kill} changed the answer"
        else:
            failures += 1
            assert not published.exists(), f"kill {kill} published a run that failed"
    record_property("kills during the pass", hits)
    record_property("clean failures", failures)
    print(f"{kill} executors killed, {hits} while they scored, {failures} runs failed cleanly")
    assert hits > 0, "no kill hit the scoring pass: nothing is shown"
