"""Threads that run one step at a time, in an order drawn from a seed, on a simulated clock."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.storages import Killed


@dataclass
class Actor:
    """A thread that waits at every step until it is its turn. A process has one or more."""

    process: str
    work: Callable[[], object]
    is_lucky: bool = False
    wakes: float = 0.0
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_done: bool = False
    is_killed: bool = False
    paused_at: float = float("-inf")
    outcome: object = None


class Scheduler:
    """Lets one actor at a time take a step; whose turn it is is drawn from the seed.

    With ``pauses`` an actor, or its whole process, may stand still at any step for longer than a
    lease lives; with ``kills`` its process may die there. It is a clock that everybody's may be.
    """

    STEP_S, PAUSE_S = 0.05, 400.0

    def __init__(self, seed: int, *, pauses: float = 0.0, kills: float = 0.0):
        self.chance = random.Random(seed)  # noqa: S311 - an order, no secret
        self.pauses, self.kills, self.now = pauses, kills, 0.0
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self._back = threading.Semaphore(0)

    def add(self, process: str, work: Callable[[], object], *, is_lucky: bool = False) -> Actor:
        """An actor of a process; a lucky one neither stands still nor dies."""
        actor = Actor(process, work, is_lucky)
        self.actors.append(actor)
        return actor

    def run(self, check: Callable[[], None], *, until: list[Actor]) -> None:
        """Let them run until these have ended; ``check`` is called between any two steps."""
        for actor in self.actors:
            threading.Thread(target=self._act, args=(actor,), daemon=True).start()
        while not all(actor.is_done for actor in until):
            waiting = [actor for actor in self.actors if not actor.is_done]
            ready = [actor for actor in waiting if actor.wakes <= self.now]
            if not ready:
                self.now = min(actor.wakes for actor in waiting)
                continue
            self._let(self.chance.choice(ready))
            self.now += self.STEP_S
            check()
        for actor in self.actors:
            actor.is_killed = True
            while not actor.is_done:
                self._let(actor)
        self.current = None

    def step(self, seconds: float = 0.0) -> None:
        """Called by an actor: wait for the next turn, so many seconds away at least."""
        actor = self.current
        if actor is None:  # before and after the actors' time
            self.now += seconds
            return
        if not actor.is_lucky:
            self._strike(actor)
        actor.wakes = max(actor.wakes, self.now + seconds)
        self._back.release()
        actor.turn.acquire()
        if actor.is_killed:
            raise Killed

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.step(seconds)

    def _strike(self, actor: Actor) -> None:
        """Let the actor, or its process, stand still or die."""
        draw = self.chance.random()
        process = [each for each in self.actors if each.process == actor.process]
        if draw < self.pauses:
            for each in [actor] if draw < self.pauses / 2 else process:
                each.wakes = self.now + self.PAUSE_S
                each.paused_at = self.now
        elif draw > 1 - self.kills:
            for each in process:
                each.is_killed = True

    def _let(self, actor: Actor) -> None:
        self.current = actor
        actor.turn.release()
        self._back.acquire()

    def _act(self, actor: Actor) -> None:
        actor.turn.acquire()
        try:
            actor.outcome = "killed" if actor.is_killed else actor.work()
        except Killed:
            actor.outcome = "killed"
        except Exception as error:  # noqa: BLE001 - the test looks at it
            actor.outcome = error
        actor.is_done = True
        self._back.release()


@dataclass
class Turn:
    """A lock between actors: whoever waits for it lets the others go on."""

    scheduler: Scheduler
    is_taken: bool = False

    def __enter__(self) -> None:
        while self.is_taken:
            self.scheduler.step()
        self.is_taken = True

    def __exit__(self, *_: object) -> None:
        self.is_taken = False


@dataclass
class Shifted:
    """The clock of one host: hosts' clocks have nothing in common but their pace."""

    scheduler: Scheduler
    origin: float

    def monotonic(self) -> float:
        return self.origin + self.scheduler.now

    def sleep(self, seconds: float, /) -> None:
        self.scheduler.step(seconds)
