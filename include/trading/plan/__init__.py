"""From signals to orders: changes, rules, verdicts."""
