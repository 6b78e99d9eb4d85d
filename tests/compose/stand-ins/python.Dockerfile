# Instead of python:3.11-slim-bookworm: Debian's own Python 3.11, the same Debian.
FROM stand-in/debian:12
RUN ln -s /usr/bin/python3 /usr/local/bin/python
