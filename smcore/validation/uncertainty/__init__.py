"""How far a number can be trusted: dependence in time and space, intervals, draws."""
