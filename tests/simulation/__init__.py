"""A world in one process: the real deciders and folds on a log, a store and a clock that obey a seed."""
