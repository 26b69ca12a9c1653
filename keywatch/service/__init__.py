"""The daemon: it builds the sources from the settings, runs them on a schedule, judges, and has alerts delivered."""
