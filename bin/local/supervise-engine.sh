#!/bin/sh
# Runs the embedded DynamoDB and ends it when the server that started it is gone, kill -9 included: the server holds
# the other end of this script's standard input, and the system closes it whatever way the server ends.
#
# supervise-engine.sh PIDFILE COMMAND [ARGUMENT...]    an empty PIDFILE writes none
pid_file=$1
shift

exec 3<&0 </dev/null # a background command would be given /dev/null as its input, hence descriptor 3
# The process notes its id before it becomes the engine, so that no engine runs without a note.
sh -c '[ -z "$1" ] || echo $$ >"$1"; shift; exec "$@"' sh "$pid_file" "$@" 3<&- &
engine=$!

trap '' PIPE # nobody reads what is said here once the server is gone

# The server writes "stop" when it ends in order. Otherwise the engine has nobody left to print its farewell to, which
# would crash it; its write-ahead log makes an instant end as safe as an orderly one.
(
  read -r line <&3
  if [ "$line" = stop ]; then kill "$engine"; else kill -9 "$engine"; fi
) >/dev/null 2>&1 &
guard=$!

wait "$engine" 2>/dev/null
status=$?
kill "$guard" 2>/dev/null
exit "$status"
