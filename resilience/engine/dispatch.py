"""Which worker gets which block, what is done again when a worker dies, and which block is to blame when many do."""

from __future__ import annotations

from collections import Counter, deque

MOST_DEATHS = 3
MOST_TRIES = 10


class Dispatch:
    """Blocks by number: waiting, on a worker, done.

    Parameters
    ----------
    n_block : int

    Notes
    -----
    A worker has one block more than it has threads, so that it never waits for the next one. Blocks of a worker that
    died are done again. Those that were there at two deaths go to a worker that has nothing else: when that one dies
    too, nothing but the block can have killed it.

    Examples
    --------
    >>> dispatch = Dispatch(3)
    >>> dispatch.give("a", threads=1), dispatch.give("a", threads=1), dispatch.give("a", threads=1)
    (0, 1, None)
    >>> dispatch.lose("a")
    [0, 1]
    >>> dispatch.give("b", threads=1)
    0
    """

    def __init__(self, n_block: int) -> None:
        self._waiting = deque(range(n_block))
        self._suspects: deque[int] = deque()
        self._at: dict[str, list[int]] = {}
        self._deaths: Counter[int] = Counter()
        self._tries: Counter[int] = Counter()

    @property
    def waiting(self) -> bool:
        """Whether a block is on no worker and not done."""
        return bool(self._waiting or self._suspects)

    @property
    def again(self) -> bool:
        """Whether a block that was begun is on no worker now."""
        return bool(self._suspects or (self._waiting and self._tries[self._waiting[0]]))

    @property
    def busy(self) -> bool:
        """Whether any worker has a block."""
        return bool(self._at)

    @property
    def workers(self) -> list[str]:
        """Those that have a block."""
        return list(self._at)

    def give(self, worker: str, *, threads: int, fresh: bool = True) -> int | None:
        """Return the block that a worker is to begin next; None while it has enough or none waits.

        Parameters
        ----------
        worker : str
        threads : int
            That it has.
        fresh : bool
            Whether blocks may be begun that never were.
        """
        held = self._at.get(worker, [])
        if self._suspects:
            # Nothing else is begun meanwhile: workers run empty, and the first that is gets the suspect alone.
            return None if held else self._send(worker, self._suspects.popleft())
        if not self._waiting or len(held) > threads or any(self._deaths[number] > 1 for number in held):
            return None
        if not fresh and not self._tries[self._waiting[0]]:
            return None
        return self._send(worker, self._waiting.popleft())

    def _send(self, worker: str, number: int) -> int:
        self._at.setdefault(worker, []).append(number)
        return number

    def _take_from(self, worker: str, number: int) -> None:
        self._at[worker].remove(number)
        if not self._at[worker]:
            del self._at[worker]

    def finish(self, worker: str, number: int) -> None:
        """Note that a block is done."""
        self._take_from(worker, number)
        del self._deaths[number], self._tries[number]

    def retry(self, worker: str, number: int) -> bool:
        """Put a block back whose result was lost, though its worker lives; say whether it may be tried again."""
        self._take_from(worker, number)
        self._put_back(number)
        return self._tries[number] <= MOST_TRIES

    def lose(self, worker: str) -> list[int]:
        """Return the blocks of a worker that died, which wait again."""
        lost = self._at.pop(worker, [])
        for number in lost:
            self._deaths[number] += 1
        for number in reversed(lost):
            self._put_back(number)
        return lost

    def _put_back(self, number: int) -> None:
        self._tries[number] += 1
        if self._deaths[number] > 1:
            self._suspects.append(number)
        else:
            self._waiting.appendleft(number)

    def guilty(self, lost: list[int]) -> int | None:
        """Return the block that kills its workers, if those that one death lost are only this one, and not the first.

        Parameters
        ----------
        lost : list of int
            From :meth:`lose`.
        """
        if len(lost) == 1 and self._deaths[lost[0]] >= MOST_DEATHS:
            return lost[0]
        return None
