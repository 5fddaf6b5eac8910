"""The machine that we run on: its programs and their environment, CPUs, memory and clocks, files and paths."""
