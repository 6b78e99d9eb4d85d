"""Airflow's side of daily trading: operators, hooks, triggers, the timetable, alerts and the web app."""
