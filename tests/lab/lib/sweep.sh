# Programs that are killed, or fail, at one system call after the other. Sourced after assert.sh.
# shellcheck shell=bash disable=SC2154 # scratch, status, output and errors come from assert.sh

# stride_of N [SOAK]: of how many calls one is tried: N, in a soak SOAK, which is 1 when not given.
stride_of() {
    if [[ -n ${LAB_SOAK:-} ]]; then
        printf %s "${2:-1}"
    else
        printf %s "$1"
    fi
}

# Two labs can do one soak: LAB_SHARE=0/2 in one and 1/2 in the other (the number of the share, of how many), each then tries its
# share of the calls.
share=${LAB_SHARE:-0/1}

# list_calls FILE COMMAND...: a line in FILE for each place of COMMAND: a call, which of its kind it is, what it is, and its file.
# With a file it is the so many-th such call of a process on that file, and stays the same place when the walks of another run are
# longer; "-" is a call without a file, or on one that has another name each time: the so many-th such call of its process. It
# "changes" something that others see, or only "reads", or "walks": one more of the same reading calls in a walk over all
# processes or nodes, since the last change. The trace itself stays in $scratch/trace. COMMAND ends with $ends, or 0.
list_calls() {
    local file=$1
    shift
    # Its outputs are those that a struck run has.
    status=0
    strace -f -y -o "$scratch/trace" "$@" >"$scratch/said" 2>&1 </dev/null || status=$?
    ((status == ${ends:-0})) || fail "$* ended with $status: $(<"$scratch/said")"
    awk -f "$(dirname "${BASH_SOURCE[0]}")/calls.awk" "$scratch/trace" >"$file"
    expect "more than 100 system calls" test "$(wc -l <"$file")" -gt 100
    expect "some of them change something" grep -q changes "$file"
}

# choose CHANGING READING FILE: the places that are tried, each after its number in FILE: every CHANGING-th of FILE that changes
# something, every READING-th of the others, but of the calls of a walk at most every 16th, unless it is every one;
# of these the share of this lab.
choose() {
    awk -v changing="$1" -v reading="$2" -v walking="$(($2 == 1 || $2 > 16 ? $2 : 16))" -v share="${share%/*}" -v shares="${share#*/}" '
        BEGIN { every["changes"] = changing; every["reads"] = reading; every["walks"] = walking }
        ++seen[$3] % every[$3] == 0 && ++chosen % shares == share { print NR, $0 }' "$3"
}

strike=$PWD/build/dev/bin/strike

# What a sweep asks after each of its runs is read without a process: starting one takes the lab as long as a read of a hundred files.
# read_into NAME FILE: its first line, or nothing.
read_into() {
    printf -v "$1" ''
    [[ ! -r $2 ]] || read -r "${1?}" <"$2" || true
}
# driver_into NAME BDF: its driver, or nothing.
driver_into() {
    local at=(/sys/bus/pci/drivers/*/0000:"$2")
    at=${at[0]%/*}
    printf -v "$1" %s "${at##*[*/]}"
}

# struck HOW CALL NUMBER FILE COMMAND...: COMMAND is struck there (HOW: signal=KILL, or error= and its name), and so is a
# child that makes as many such calls. Sets status and verdict, and tells whether it was; $scratch/said has its words.
struck() {
    status=0
    : >"$scratch/run"
    "$strike" "$1" "$2" "$3" "$4" "$scratch/run" "${@:5}" >"$scratch/said" 2>&1 </dev/null || status=$?
    read_into verdict "$scratch/run"
    [[ $verdict == struck ]]
}
killed_at() { struck signal=KILL "$@"; }

# The run was watched to its end, and no process of it made so many of these calls.
was_shorter() { [[ $verdict == "not struck" ]]; }

# For PREPARE, where the drive 08:00.0 is given back: the kernel and udev look at its disk again, and what they read would fail with
# an error in the kernel's log when the drive is taken at the same moment.
settled() {
    udevadm settle
    udev_knows_drive || wait_for 30 "udev to know the disk of 08:00.0" udev_knows_drive
    udevadm settle
}
# nvme1c1n1 is a path to the disk nvme1n1 (multipath); without, the disk itself is there. What stands here is written when its event
# is processed, after the kernel has read the partition table.
udev_knows_drive() {
    local disks=(/sys/bus/pci/devices/0000:08:00.0/nvme/nvme*/nvme*n*) disk number
    disk=${disks[0]##*/}
    [[ $disk =~ ^(nvme[0-9]+)(c[0-9]+)?(n[0-9]+)$ ]] || return 1
    read_into number "/sys/class/block/${BASH_REMATCH[1]}${BASH_REMATCH[3]}/dev"
    [[ -n $number && -e /run/udev/data/b$number ]]
}

# Errors that the kernel gives, in turn.
errnos=(EIO ENOMEM EMFILE EINTR ENOSPC EACCES)

# error_of PLACE CALL KIND: that of this place; EIO where the kernel does not give it. Only what writes finds no room, and what root reads
# is not forbidden.
error_of() {
    error=${errnos[$1 % ${#errnos[@]}]}
    case $error:$2:$3 in
        EINTR:read:* | EINTR:pread64:* | EINTR:getdents64:* | EINTR:openat:* | EINTR:write:*) ;;
        ENOSPC:*:changes | EACCES:*:changes) ;;
        EINTR:* | ENOSPC:* | EACCES:*) error=EIO ;;
    esac
}

# sweep HOW CHANGING READING FILE PREPARE RECOVER COMMAND...: COMMAND struck at every chosen place of FILE; HOW is as above, or
# "errors": each place has one of these, in turn. Before each run PREPARE is called, after it RECOVER with a text that says where
# it was. When that fails, the sweep goes on, to tell of all such places at its end; $repair, if it is set, is called first.
sweep() {
    local how=$1 changing=$2 reading=$3 list=$4 prepare=$5 recover=$6 place call number kind file fault error at runs=0 hit=0 start=$SECONDS
    shift 6
    : >"$scratch/ends"
    : >"$scratch/failures"
    while read -r place call number kind file <&3; do
        runs=$((runs + 1))
        ((runs % 20)) || printf '%s runs\n' "$runs"
        fault=$how
        [[ $how != errors ]] || { error_of "$place" "$call" "$kind" && fault=error=$error; }
        at="$fault at $call $number of $file, which $kind"
        "$prepare"
        if struck "$fault" "$call" "$number" "$file" "$@"; then
            hit=$((hit + 1))
        elif was_shorter; then
            printf 'not met: %s\n' "$at"
        else
            printf 'FAILED: %s was not struck, and was not shorter: %s\n' "$at" "$(<"$scratch/said")" | tee -a "$scratch/failures"
        fi
        printf '%s\n' "$status" >>"$scratch/ends"
        ("$recover" "$at, status $status" >"$scratch/failure" 2>&1) || {
            tee -a "$scratch/failures" <"$scratch/failure"
            vassign restore --all || true
            "${repair:-true}"
        }
    done 3< <(choose "$changing" "$reading" "$list")
    printf '%s places, %s change something, %s go on with a walk; every %s change, every %s of the others, share %s: %s of %s runs were struck by %s, %s s\n' \
        "$(wc -l <"$list")" "$(grep -c " changes " "$list")" "$(grep -c " walks " "$list" || true)" "$changing" "$reading" "$share" "$hit" "$runs" "$how" "$((SECONDS - start))"
    sort -n "$scratch/ends" | uniq -c | awk '{ printf "%s with status %s; ", $1, $2 } END { print "" }'
    [[ ! -s $scratch/failures ]] || fail "$(grep -c FAILED "$scratch/failures") of $runs: $(head -n 1 "$scratch/failures")"
    expect "more than a run or two" test "$runs" -gt 4
    # A run is shorter than the one that was listed when fewer processes are there to look at: then the last places without a file are not met.
    expect "nearly all runs were struck" test $((hit * 10)) -ge $((runs * 8))
}
sweep_kills() { sweep signal=KILL "$@"; }

# sweep_errors CHANGING READING FILE PREPARE RECOVER COMMAND...: the same with calls that fail instead. A process cannot go on
# without the calls that are left out; brk does not fail by an error (brk(2): it returns the old end), and the C
# library ends the program when futex fails in a way that it knows to be impossible. A wait for one's own child does not fail.
sweep_errors() {
    local file=$3
    grep -vE '^(brk|exit|exit_group|futex|waitid|wait4|rt_sigreturn|arch_prctl|set_tid_address) ' "$file" >"$file.errors"
    sweep errors "$1" "$2" "$file.errors" "${@:4}"
}

# is_told TEXT: the end of a struck command was not a crash: it has a status of its own, or the loader's (127), or the run-time
# library gave up because it got no memory or no thread (134). The loader does not survive that it gets no memory.
is_told() {
    [[ $1 != *" at mmap "* || $status != 139 ]] || return 0
    case $status in
        [0-9] | 1[0-9] | 127) ;;
        134) grep -qE "bad_alloc|system_error|thread" "$scratch/said" || fail "$1: $(<"$scratch/said")" ;;
        *) fail "$1: $(<"$scratch/said")" ;;
    esac
}

# The sysfs files that the command of the last list_calls opened to write, each once, in their order.
written_files() {
    grep -oE '"/sys/[^"]*", O_(WRONLY|RDWR)' "$scratch/trace" | cut -d'"' -f2 | awk '!seen[$0]++'
}

# sweep_failures FAULTS FILES PREPARE RECOVER COMMAND...: the first such call on each file of FILES fails in turn, with each of
# FAULTS (CALL:error=NAME). COMMAND must not succeed. RECOVER is called as above.
sweep_failures() {
    local faults files=$2 prepare=$3 recover=$4 path fault runs=0 start=$SECONDS
    read -ra faults <<<"$1"
    shift 4
    while read -r path; do
        for fault in "${faults[@]}"; do
            "$prepare"
            struck "${fault#*:}" "${fault%%:*}" 1 "$path" "$@" || fail "$path was not reached for $fault: $(<"$scratch/said")"
            ((status != 0)) || fail "$fault of $path, and it succeeds: $(<"$scratch/said")"
            "$recover" "$fault of $path, status $status"
            runs=$((runs + 1))
        done
    done <"$files"
    printf '%s faults, %s s\n' "$runs" "$((SECONDS - start))"
    expect "some faults" test "$runs" -ge 2
}
