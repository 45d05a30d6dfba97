"""How the benchmarks ask the C library for memory, for stock nnU-Net and for DuCiSC alike."""

from __future__ import annotations

# glibc hands tensors above 32 MB back to the system after use, which then has to zero their pages
# again in every step. Three batches in one forward pass cross that line where one does not: without
# these, a step after warm-up was measured at 4.5 instead of 3.4 stock steps on a CPU.
CPU_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
