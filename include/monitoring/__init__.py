"""What Prometheus and Grafana need: metrics from the ledger, alerting rules, a dashboard."""
