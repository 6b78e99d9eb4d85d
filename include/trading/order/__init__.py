"""An order: identity, states, gate, booking."""
