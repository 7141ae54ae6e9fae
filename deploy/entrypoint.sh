#!/bin/sh
# What a container of Postfach runs: `mailbox writer` is one role, `prepare` makes topics and tables and ends.
# The database password comes from a file, so that it stands in no configuration that `docker inspect` shows.
set -eu

if [ -n "${POSTFACH_POSTGRES_PASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$POSTFACH_POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    unset POSTFACH_POSTGRES_PASSWORD_FILE
fi

case "$#:${1:-}" in
    1:prepare) exec python -m deploy.prepare ;;
    2:*) exec python -m "services.$1" "$2" ;;
esac
echo "usage: docker run postfach {mailbox|bulkio|gateway} {writer|projector|reactor|api}, or: docker run postfach prepare" >&2
exit 2
