#!/bin/sh
# What postgres:18 does at its start, as far as the compose file uses it: an empty volume becomes a cluster, the .sql
# files of /docker-entrypoint-initdb.d run on a server that listens on its socket only, then the real one starts.
set -eu
if [ "$(id -u)" = 0 ]; then
    install --directory --owner=postgres --mode=0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
    initdb --pgdata="$PGDATA" --username=postgres --pwfile=/tmp/password --auth-local=trust \
        --auth-host=scram-sha-256 --encoding=UTF8 --locale=C
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
    for script in /docker-entrypoint-initdb.d/*.sql; do
        psql --host=/tmp --username=postgres --dbname=postgres -v ON_ERROR_STOP=1 --no-password --no-psqlrc --file="$script"
    done
    pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
fi
exec postgres -D "$PGDATA" -c "listen_addresses=*" -c unix_socket_directories=/tmp
