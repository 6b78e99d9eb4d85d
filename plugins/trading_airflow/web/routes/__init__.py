"""The API's routes, a module a subject."""
