"""The Trading API v2 of Alpaca over the sandbox's book, with market data on the same port: an emulator.

errors: what a refusal looks like. form: an order as it came in. rules, money: what the vendor refuses and why, without
input or output. hours: the market's clock. assets, order_body, views: the vendor's words for what the book holds.
orders, listing: the orders. account, activities: account, positions, fills. tally, valuation: what the book adds up
to, kept in memory. front: keys, rate limit, headers. service: the routes.
"""
