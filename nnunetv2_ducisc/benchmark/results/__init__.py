"""From the metrics of all runs to tables and curves."""
