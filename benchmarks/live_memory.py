"""Peak memory of a piece of work on the CPU, as torch's allocator sees it.

Unlike the resident set, it leaves out what the C library keeps and what libraries hold, and is the
same on every run: the counterpart of ``torch.cuda.max_memory_allocated``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from torch.profiler import ProfilerActivity, profile


def peak_bytes(work: Callable[[], object]) -> int:
    """How many bytes are allocated at most, beyond those that were before the work began."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = profiler.profiler.kineto_results.events()
    memory = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate((size for _, size in memory), initial=0))
