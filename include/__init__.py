"""The daily trading package: trading's side. Nothing here imports Airflow."""

__version__ = "0.1.0"
