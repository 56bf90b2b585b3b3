"""Whether an application fits into a student's YARN now: the arithmetic. Pure; the control program has it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: What YARN is asked for: (MB, vcores) of the driver, then of each executor.
Containers = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Room:
    """What YARN could hand out now, node by node, the step in which it does, and what `running` hold (MB)."""

    free_mb: Sequence[int]
    free_vcores: Sequence[int]
    step_mb: int
    total_mb: int
    held_mb: int = 0
    running: Sequence[str] = ()
    #: What YARN says of nodes to which it gives no work.
    unhealthy: Sequence[str] = ()

    def fits(self, asked: Containers) -> bool:
        """Whether the containers can be placed on the nodes, largest first, each where it fits first."""
        memory, vcores = list(self.free_mb), list(self.free_vcores)
        for mb, cores in sorted(rounded(asked, self.step_mb), reverse=True):
            place = next((i for i in range(len(memory)) if memory[i] >= mb and vcores[i] >= cores), None)
            if place is None:
                return False
            memory[place] -= mb
            vcores[place] -= cores
        return True

    def may_come(self, asked: Containers) -> bool:
        """Whether an application that does not fit now may fit soon.

        An application is over a moment before its last container is: what is neither free nor held by one that runs is
        about to be given back.
        """
        ending_mb = self.total_mb - sum(self.free_mb) - self.held_mb
        wanted_mb = sum(mb for mb, _ in rounded(asked, self.step_mb))
        return ending_mb > 0 and wanted_mb <= self.total_mb - self.held_mb


def rounded(asked: Containers, step_mb: int) -> list[tuple[int, int]]:
    """What YARN gives to who asks for this: memory in multiples of its step."""
    return [(-(-mb // step_mb) * step_mb, cores) for mb, cores in asked]
