"""One order: sending it, looking it up, booking its reports."""
