"""Read models of single machines and of all: state, readiness, waiting, the way in."""
