"""The shell of trading: the runner and its journal. The only place with trading threads and, later, ctypes."""
