"""Kill -9 at random moments: ``python -m benchmarks.kill_test``."""
