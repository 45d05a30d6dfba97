"""Two files of metrics against each other, paired by case and class.

``common_metrics`` -> ``pair_rows`` -> ``samples`` -> ``compare`` is the way of the command; whoever
has other values for the same cases, such as means over seeds, makes the samples himself.
"""
