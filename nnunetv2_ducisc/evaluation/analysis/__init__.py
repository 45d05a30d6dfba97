"""A trained model in numbers and figures.

``observe`` runs its networks over labeled and unlabeled cases once and keeps what ``measures``
need; each of ``sections`` makes a part of the report of it; ``report`` writes it.
"""
