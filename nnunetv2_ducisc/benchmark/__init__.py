"""Methods x label counts x seeds x folds by a plan: stock commands, one table at the end."""
