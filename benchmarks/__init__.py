"""Scripts that measure the trainer; nothing here is part of the installed package."""
