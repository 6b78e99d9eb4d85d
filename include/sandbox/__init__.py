"""Stands in for the Signal Service, the Execution Gateway and the market data of Alpaca, in the demo and in tests."""
