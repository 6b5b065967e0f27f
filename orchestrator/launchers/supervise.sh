#!/bin/sh
# Runs one execution of the worker to its end and writes down how it ended, whether or not anybody still watches.
#
#   sh supervise.sh FOLDER NAME HOST TIMEOUT GRACE COMMAND...
#
#   FOLDER/started-NAME      HOST, this process and the worker's, a line each
#   FOLDER/exit-NAME.json    the exit code (128 + n: killed by signal n), and what made it end
#
# SIGTERM asks the worker to end, and so does TIMEOUT; if it has not ended GRACE later, it is killed (both in seconds).
# This process leads its process group, so its id is not given to another while any member of the group lives.
# Variables begin with an underscore: one that is in the environment, too, would reach the worker changed.

_folder=$1 _name=$2 _host=$3 _timeout=$4 _grace=$5
_worker='' _why='' _woken=yes _code=127
shift 5

ask() {
    _woken=yes
    [ -z "$_why" ] || return 0
    _why=$1
    [ -z "$_worker" ] || kill -s TERM "$_worker"
    wake_after "$_grace"
}

time_is_up() {
    if [ -z "$_why" ]; then
        ask "timed out after $_timeout s"
    else
        _woken=yes
        _why="$_why, killed $_grace s later"
        kill -s KILL "$_worker"
    fi
}

# Without this process nobody would write down how the worker ends, so the timer then ends it for good.
wake_after() {
    (sleep "$1"; kill -s ALRM $$ || kill -s KILL -- -$$) 2>/dev/null &
}

trap 'ask "got SIGTERM"' TERM
trap time_is_up ALRM
printf '%s\n' "$_host" $$ >"$_folder/started-$_name" || exit
"$@" &
_worker=$!
echo "$_worker" >>"$_folder/started-$_name"
[ -z "$_why" ] || kill -s TERM "$_worker"
wake_after "$_timeout"

# A trap ends `wait` early; once the worker's code was told, `wait` says 127.
while [ -n "$_woken" ]; do
    _woken=''
    wait "$_worker"
    _status=$?
    [ "$_status" -eq 127 ] || _code=$_status
done
trap '' TERM ALRM

printf '{"exit_code": %d, "detail": "%s"}\n' "$_code" "$_why" >"$_folder/exit-$_name.tmp" &&
    mv "$_folder/exit-$_name.tmp" "$_folder/exit-$_name.json"
# The timers, and whatever the worker left running.
kill -s KILL -- -$$
