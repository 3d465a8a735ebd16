"""The command line: thin commands, imported lazily."""
