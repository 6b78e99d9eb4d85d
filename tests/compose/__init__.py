"""`make compose-test`: the real compose file, really started, with stand-ins where images cannot be pulled."""
