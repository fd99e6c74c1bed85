"""Targets for coverage-guided fuzzing, and what was found worth keeping."""
