# Instead of redis:8-bookworm: Debian's Redis 7.0.
FROM stand-in/debian:12
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
USER redis
CMD ["redis-server"]
