#!/bin/sh
# What a container of Postfach runs: `mailbox writer` is one role of one service, `prepare` makes topics and tables and ends.
# The database password comes from a file, so that it stands in no configuration that `docker inspect` shows.
set -eu

if [ -n "${POSTFACH_POSTGRES_PASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$POSTFACH_POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    unset POSTFACH_POSTGRES_PASSWORD_FILE
fi

case "${1:-}" in
    prepare)
        exec python -m deploy.prepare
        ;;
    mailbox | bulkio | archive | gateway)
        service=$1
        shift
        exec python -m "services.$service" "$@"
        ;;
esac
echo "usage: docker run postfach prepare | {mailbox|bulkio|archive|gateway} {writer|projector|reactor|api}" >&2
exit 2
