"""Blocks on the workers of a Dask cluster."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import platform
import queue
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from distributed.scheduler import KilledWorker

from resilience.engine.block import solve_block
from resilience.engine.blocks import Block, Solve, Take
from resilience.engine.city import City, EventTask
from resilience.engine.dispatch import Dispatch
from resilience.engine.versions import compare_versions, version_report
from resilience.errors import ClusterError, Problem

T = TypeVar("T")

START_SECONDS = 60.0
NO_WORKER_SECONDS = 30.0
SILENCE_SECONDS = 15.0
ANSWER_SECONDS = 5.0
REPORT_SECONDS = 10.0
SEND_SECONDS = 60.0
LOOK_SECONDS = 1.0

# What is raised when a connection is lost or its other end has died.
LOST = (OSError, concurrent.futures.CancelledError, KilledWorker)
# What is raised where something is sent to a worker that left a moment ago, or by a client that is closed.
GONE = (KeyError, ValueError, RuntimeError)

_log = logging.getLogger(__name__)


class Cluster:
    """Workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    address : str
        What messages call it.
    solve : callable, optional
        As :func:`solve_block`.
    start_seconds, no_worker_seconds, silence_seconds : float
        How long to wait for the first workers, to go on without any, and to go on without an answer of the scheduler.

    Notes
    -----
    Every block is sent to a worker that has room for it, a block more than it has threads, so that no more results wait
    anywhere than these, and no graph of the run is ever built. City and event are sent to the first worker that needs
    them; workers hand them on to one another, once each. A block itself is two numbers. Only workers that have what
    this process has are given blocks; those that join later are looked at too.
    """

    remote = True

    def __init__(
        self,
        client: Any,
        *,
        address: str,
        solve: Solve = solve_block,
        start_seconds: float = START_SECONDS,
        no_worker_seconds: float = NO_WORKER_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._client = client
        self._address = address
        self._solve = solve
        self._start_seconds = start_seconds
        self._no_worker_seconds = no_worker_seconds
        self._silence_seconds = silence_seconds
        self._fit: dict[str, int] = {}
        self._unfit: set[str] = set()
        self._asked: dict[str, float] = {}
        self._sent: dict[int, tuple[City | EventTask, Any]] = {}
        self._looked = self._heard = self._manned = 0.0
        self._silent_since = -1.0

    @property
    def workers(self) -> int:
        """Threads of the workers that are used."""
        return sum(self._fit.values())

    def check(self) -> None:
        """Wait for the workers and compare what they have with this process.

        Raises
        ------
        ClusterError
            There are none, or one has other versions.
        """
        until = time.monotonic() + self._start_seconds
        while True:
            try:
                seen = self._list_workers()
            except LOST as error:
                raise self._unusable("a scheduler that answers", _told(error)) from error
            problems = self._admit(seen)
            if problems:
                raise ClusterError(problems)
            late = time.monotonic() > until
            if self._fit and (late or self._fit.keys() >= seen.keys()):
                return
            if late:
                got = f"{len(seen):,} that did not say what they have" if seen else "no worker"
                raise self._unusable(f"a worker within {self._start_seconds:.0f} s; start workers", got)
            time.sleep(LOOK_SECONDS / 5)

    def run(self, city: City, blocks: Sequence[Block], take: Take, *, more: Callable[[], bool] = lambda: True) -> None:
        """As :meth:`resilience.engine.Pool.run`."""
        dispatch = Dispatch(len(blocks))
        running: dict[int, Any] = {}
        ended: queue.SimpleQueue[tuple[str, int, Any]] = queue.SimpleQueue()
        left = Counter(id(block.task) for block in blocks)
        self._forget(key for key, (thing, _) in self._sent.items() if thing is not city)
        self._heard = self._manned = time.monotonic()

        def begin(worker: str, number: int) -> None:
            block = blocks[number]
            future = self._client.submit(
                self._solve, self._send(city, worker), self._send(block.task, worker), block.first_word, block.n_words,
                key=f"block-{uuid.uuid4().hex}", workers=[worker], pure=False,
            )  # fmt: skip
            running[number] = future
            future.add_done_callback(lambda future: ended.put((worker, number, future)))

        def fill() -> bool:
            """Begin what there is room for, a block per worker at a time; say whether more may be begun later."""
            fresh, given = True, True
            while given:
                given = False
                for worker, threads in self._fit.items():
                    fresh = fresh and more()
                    number = dispatch.give(worker, threads=threads, fresh=fresh)
                    if number is not None:
                        given = True
                        try:
                            begin(worker, number)
                        except (*LOST, *GONE) as error:
                            _log.info("worker %s could not be sent a block: %s", worker, _told(error))
                            self._retry(dispatch, worker, number, blocks)
                            self._looked = 0.0
                            return fresh
            return fresh

        going = True
        try:
            while dispatch.busy or dispatch.again or (going and dispatch.waiting):
                self._look()
                for worker in dispatch.workers:
                    if worker not in self._fit:
                        lost = dispatch.lose(worker)
                        _log.warning("worker %s is gone with %d blocks, which are done again", worker, len(lost))
                        for number in lost:
                            if number in running:
                                running.pop(number).release()
                        guilty = dispatch.guilty(lost)
                        if guilty is not None:
                            raise self._unusable("workers that live through it", f"{_name(blocks[guilty])} kills them")
                if self._heard == self._looked:
                    going = fill()
                try:
                    worker, number, future = ended.get(timeout=LOOK_SECONDS)
                except queue.Empty:
                    continue
                if running.get(number) is not future:
                    continue
                del running[number]
                sums = self._fetch(worker, future)
                if sums is None:
                    # Mostly its worker died, which is to count as such.
                    self._look(now=True)
                    if worker in self._fit:
                        self._retry(dispatch, worker, number, blocks)
                    continue
                dispatch.finish(worker, number)
                task = id(blocks[number].task)
                left[task] -= 1
                if not left[task]:
                    self._forget([task])
                take(blocks[number], sums)
        finally:
            for future in running.values():
                future.release()

    def _retry(self, dispatch: Dispatch, worker: str, number: int, blocks: Sequence[Block]) -> None:
        _log.info("the result of %s was lost on its way, it is done again", _name(blocks[number]))
        if not dispatch.retry(worker, number):
            raise self._unusable("a cluster that keeps results", f"{_name(blocks[number])} was lost again and again")

    def _fetch(self, worker: str, future: Any) -> Any:
        """Return what a block that ended came to, None where it was lost, or raise what it raised."""
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                return None
            raise error
        seconds = ANSWER_SECONDS
        while future.status == "finished":
            try:
                return self._ask(partial(self._client.gather, future), seconds)
            except TimeoutError:
                # A large result on a slow line, or a worker that died just now.
                seconds *= 2
                self._look(now=True)
                if worker not in self._fit:
                    return None
            except LOST:
                return None
        return None

    def _send(self, thing: City | EventTask, worker: str) -> Any:
        """Return the future of what blocks have in common; sent anew if it went down with its workers."""
        _, future = self._sent.get(id(thing), (None, None))
        if future is None or future.status != "finished":
            future = self._ask(partial(self._client.scatter, thing, workers=[worker], hash=False), SEND_SECONDS)
            self._sent[id(thing)] = (thing, future)
        return future

    def _forget(self, keys: Iterable[int]) -> None:
        for key in list(keys):
            self._sent.pop(key)[1].release()

    def _ask(self, call: Callable[..., Awaitable[T]], seconds: float) -> T:
        """Return what a call of the client gives, for which there is a limit of time."""

        async def answer() -> T:
            if self._client.status == "closed":
                raise ConnectionError("the connection is closed")
            return await call(asynchronous=True)

        found: T = self._client.sync(answer, callback_timeout=seconds)
        return found

    def _list_workers(self) -> dict[str, int]:
        """Return the number of threads of every worker there is."""
        return dict(self._ask(self._client.nthreads, ANSWER_SECONDS))

    def _look(self, *, now: bool = False) -> None:
        """See which workers there are, once a second or `now`."""
        if not now and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            seen = self._list_workers()
        except (*LOST, *GONE) as error:
            self._lose_contact(error)
            return
        self._heard = self._looked
        problems = self._admit(seen)
        for problem in problems:
            _log.warning("a worker that joined is not used: %s", problem)
        self._fit = {worker: threads for worker, threads in seen.items() if worker in self._fit}
        if self._fit:
            self._manned = self._looked
        elif time.monotonic() - self._manned > self._no_worker_seconds:
            got = f"no worker for {self._no_worker_seconds:.0f} s"
            raise self._unusable("workers; look why they ended, then start the run again", got)

    def _lose_contact(self, error: Exception) -> None:
        """Raise if there was no answer for too long."""
        if self._silent_since != self._heard:
            self._silent_since = self._heard
            _log.warning("the scheduler does not answer, it is waited for: %s", _told(error))
        if self._client.status == "closed" or time.monotonic() - self._heard > self._silence_seconds:
            wanted = "a scheduler that answers; see whether it runs, then start the run again"
            raise self._unusable(wanted, "the connection was lost") from error

    def _admit(self, seen: Mapping[str, int]) -> list[Problem]:
        """Take up the workers that have what this process has; return what others have otherwise."""
        now = time.monotonic()
        new = [
            worker
            for worker in seen
            if worker not in self._fit
            and worker not in self._unfit
            and now - self._asked.get(worker, 0.0) > REPORT_SECONDS
        ]
        if not new:
            return []
        self._asked |= dict.fromkeys(new, now)
        # Another Python could not even run what asks for the rest.
        wanted = {"python": _minor(platform.python_version())}
        pythons = {
            worker: {"python": _minor(told)} for worker, told in self._report(platform.python_version, new).items()
        }
        same = [worker for worker, told in pythons.items() if told == wanted]
        report = version_report()
        told = self._report(report, same)
        wanted |= report()
        found = {worker: {**pythons[worker], **told.get(worker, {})} for worker in pythons}
        self._fit |= {worker: seen[worker] for worker in told if found[worker] == wanted}
        self._unfit |= {
            worker for worker in found if found[worker] != wanted and (worker in told or worker not in same)
        }
        return compare_versions(wanted, found)

    def _report(self, function: Callable[[], T], workers: Sequence[str]) -> dict[str, T]:
        """Return what a function gives on each worker that answers in time."""
        futures = {
            worker: self._client.submit(function, key=f"report-{uuid.uuid4().hex}", workers=[worker], pure=False)
            for worker in workers
        }
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for future in futures.values():
            future.add_done_callback(ended.put)
        until = time.monotonic() + REPORT_SECONDS
        with contextlib.suppress(queue.Empty):
            for _ in futures:
                ended.get(timeout=max(until - time.monotonic(), 0.0))
        found = {}
        for worker, future in futures.items():
            if future.status == "finished":
                try:
                    found[worker] = self._ask(partial(self._client.gather, future), ANSWER_SECONDS)
                except LOST as error:
                    _log.warning("worker %s does not say what it has: %s", worker, _told(error))
            else:
                why = _told(future.exception()) if future.status == "error" else f"no answer in {REPORT_SECONDS:.0f} s"
                _log.warning("worker %s does not say what it has: %s", worker, why)
            future.release()
        return found

    def _unusable(self, wanted: str, got: str) -> ClusterError:
        return ClusterError(Problem(f"cluster {self._address}", wanted=wanted, got=got))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _name(block: Block) -> str:
    first = block.first_word * 64
    return f"block {block.number} of event {block.task.event} (samples {first:,} to {first + block.n_words * 64 - 1:,})"


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
