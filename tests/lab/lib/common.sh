# Shared by the lab's scripts: messages, the cache, locks, clean-up.
# shellcheck shell=bash

lab_cache="${XDG_CACHE_HOME:-$HOME/.cache}/vassign-lab"

# What is under way; a failure names it.
lab_step="start"

note() { printf 'lab: %s\n' "$*" >&2; }

die() {
    printf 'lab: error: %s\n' "$*" >&2
    exit "${LAB_DIE_STATUS:-125}"
}

need_commands() {
    local missing=() command
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    ((${#missing[@]} == 0)) || die "missing: ${missing[*]}; tests/support/packages lab installs what the lab needs"
}

# with_lock NAME COMMAND...: one process at a time per NAME and user; says so when it has to wait.
with_lock() {
    local name=$1 status=0 lock
    shift
    mkdir -p "$lab_cache"
    exec {lock}>"$lab_cache/$name.lock"
    if ! flock -n "$lock"; then
        note "waiting for another lab that prepares the same ($name)"
        flock "$lock"
    fi
    "$@" || status=$?
    exec {lock}>&-
    return "$status"
}

# new_folder PATH: an empty folder there; what an interrupted earlier run left is removed.
new_folder() {
    rm -rf -- "$1"
    mkdir -p -- "$1"
}
