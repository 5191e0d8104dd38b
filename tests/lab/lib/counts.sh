# Counting what a command does to the host: system calls, writes to sysfs, probes. For tests and benchmarks of the lab.
# shellcheck shell=bash

# calls_of COMMAND...: its system calls, with those of its children.
calls_of() {
    strace -f -c -o "$scratch/.calls" "$@" >/dev/null 2>&1 || true
    awk '$NF == "total" { print (NF > 5 ? $(NF - 2) : $(NF - 1)) }' "$scratch/.calls"
}

# writes_of COMMAND...: its writes to files of sysfs, by strace's names of descriptors.
writes_of() {
    strace -f -y -e trace=write,pwrite64,writev -o "$scratch/.writes" "$@" >"$scratch/.written" 2>&1 || {
        cat "$scratch/.written" >&2
        return 1
    }
    grep -cE 'write[v0-9]*\([0-9]+</sys/' "$scratch/.writes" || true
}

# probes_during FUNCTION COMMAND...: how often the kernel called FUNCTION meanwhile.
probes_during() {
    local tracing=/sys/kernel/tracing
    echo "$1" >$tracing/set_ftrace_filter
    echo function >$tracing/current_tracer
    : >$tracing/trace
    "${@:2}" >"$scratch/.traced" 2>&1 || {
        cat "$scratch/.traced" >&2
        return 1
    }
    grep -c "$1 <-" $tracing/trace || true
    echo nop >$tracing/current_tracer
    echo >$tracing/set_ftrace_filter
}

# wall_ms COMMAND...: how long it takes, in milliseconds.
wall_ms() {
    local start=$EPOCHREALTIME
    "$@" >"$scratch/.timed" 2>&1 || {
        cat "$scratch/.timed" >&2
        return 1
    }
    awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", (end - start) * 1000 }'
}

# times_over PEER OURS: files of times in rounds; the median of the rounds' ratios.
times_over() { paste "$1" "$2" | awk '{ print $1 / $2 }' | sort -n | awk '{ all[NR] = $1 } END { printf "%.2f\n", all[int((NR + 1) / 2)] }'; }
