"""The HTTP API and the pages, served by Airflow's API server. Only that process imports this package."""
