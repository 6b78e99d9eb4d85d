"""`make bench`: our runs beside a DAG that does nothing, the engine path without a scheduler, and what tasks import."""
