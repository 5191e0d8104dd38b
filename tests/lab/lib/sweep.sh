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

# list_calls FILE COMMAND...: a line in FILE for each system call of COMMAND: its name, which of its kind it is in its process (as
# strace counts), and whether it changes something that others see, or only reads. The trace itself stays in $scratch/trace.
list_calls() {
    local file=$1
    shift
    ok strace -f -o "$scratch/trace" "$@"
    awk '
        { call = $2; sub(/\(.*/, "", call); kind = "reads" }
        call !~ /^[a-z0-9_]+$/ { next }
        call ~ /^(p?write(v|64)?|rename|unlink|mkdir|rmdir|fsync|fdatasync|ftruncate|clone|clone3|execve|flock|sendmsg|sendto|ioctl|kill)(at2?)?$/ { kind = "changes" }
        call ~ /^open/ && /O_(WRONLY|RDWR|CREAT)/ { kind = "changes" }
        { print call, ++count[$1, call], kind }' "$scratch/trace" >"$file"
    expect "more than 100 system calls" test "$(wc -l <"$file")" -gt 100
    expect "some of them change something" grep -q changes "$file"
}

# killed_at CALL NUMBER COMMAND...: COMMAND is killed there, and so is a child that makes as many such calls. Whether it was.
killed_at() {
    local call=$1 number=$2
    shift 2
    { strace -f -o "$scratch/run" -e "trace=$call" -e "inject=$call:signal=KILL:when=$number" "$@" >/dev/null 2>&1; } 2>/dev/null || true
    grep -q "killed by SIGKILL" "$scratch/run"
}

# sweep_kills CHANGING READING FILE PREPARE RECOVER COMMAND...: COMMAND killed at every CHANGING-th call of FILE that changes
# something, and at every READING-th of the others. Before each run PREPARE is called, after it RECOVER with a text that says where
# it was.
sweep_kills() {
    local changing=$1 reading=$2 file=$3 prepare=$4 recover=$5 call number kind runs=0 killed=0 start=$SECONDS
    shift 5
    # What COMMAND reads is not the list.
    while read -r call number kind <&3; do
        runs=$((runs + 1))
        ((runs % 20)) || printf '%s runs\n' "$runs"
        "$prepare"
        ! killed_at "$call" "$number" "$@" || killed=$((killed + 1))
        "$recover" "killed at $call $number, which $kind"
    done 3< <(awk -v changing="$changing" -v reading="$reading" -v share="${share%/*}" -v shares="${share#*/}" '
        ++seen[$3] % ($3 == "changes" ? changing : reading) == 0 && ++chosen % shares == share' "$file")
    printf '%s calls, %s change something; every %s of these, every %s of the others, share %s: %s of %s runs were killed, %s s\n' \
        "$(wc -l <"$file")" "$(grep -c changes "$file")" "$changing" "$reading" "$share" "$killed" "$runs" "$((SECONDS - start))"
    expect "more than a run or two" test "$runs" -gt 4
    expect "nearly all runs were killed" test $((killed * 10)) -ge $((runs * 8))
}

# The sysfs files that the command of the last list_calls opened to write, each once, in their order.
written_files() {
    grep -oE '"/sys/[^"]*", O_(WRONLY|RDWR)' "$scratch/trace" | cut -d'"' -f2 | awk '!seen[$0]++'
}

# sweep_failures FAULTS FILES PREPARE RECOVER COMMAND...: each file of FILES fails in turn, with each of FAULTS (as strace has
# them). COMMAND must not succeed. RECOVER is called as above.
sweep_failures() {
    local faults files=$2 prepare=$3 recover=$4 path fault runs=0 start=$SECONDS
    read -ra faults <<<"$1"
    shift 4
    while read -r path; do
        for fault in "${faults[@]}"; do
            "$prepare"
            status=0
            strace -f -qq -o "$scratch/run" -P "$path" -e trace=openat,write -e "inject=$fault:when=1" "$@" >"$scratch/said" 2>&1 </dev/null || status=$?
            grep -q INJECTED "$scratch/run" || fail "$path was not reached for $fault: $(<"$scratch/said")"
            ((status != 0)) || fail "$fault of $path, and it succeeds: $(<"$scratch/said")"
            "$recover" "$fault of $path, status $status"
            runs=$((runs + 1))
        done
    done <"$files"
    printf '%s faults, %s s\n' "$runs" "$((SECONDS - start))"
    expect "some faults" test "$runs" -ge 2
}
