"""From what a source gave to signals that a plan may be made of."""
