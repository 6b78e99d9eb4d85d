"""The history checker: what the append-only rows and the gateway's own word say of the promise, rule by rule."""
