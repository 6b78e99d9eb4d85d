"""The steps of a run, named as its tasks."""
