# For lab tests: steps, checks, waiting. A check that does not hold ends the test and names the step.
# shellcheck shell=bash
set -euo pipefail

current_step="start"
cleanups=()
status=0 output="" errors=""

# step TEXT: what the test does next; shown when it fails and in the suite's progress.
step() {
    current_step=$*
    printf '## %s\n' "$*"
}

fail() {
    printf 'FAILED in step "%s": %s\n' "$current_step" "$*"
    printf '    at %s line %s\n' "${BASH_SOURCE[-1]##*/}" "${BASH_LINENO[-2]:-?}"
    exit 1
}

# on_exit COMMAND...: run at the end of the test, however it ends, the last one first.
on_exit() { cleanups+=("$(printf '%q ' "$@")"); }

finish_test() {
    local result=$? index
    trap - ERR
    set +e
    for ((index = ${#cleanups[@]} - 1; index >= 0; index--)); do
        eval "${cleanups[index]}"
    done
    rm -rf -- "$scratch"
    exit "$result"
}

# A folder for the test alone.
scratch=$(mktemp -d /tmp/lab-test.XXXXXX)
trap finish_test EXIT
trap 'fail "a command ended with status $?: $BASH_COMMAND"' ERR
set -E

# take_output NAME FILE MARK: sets NAME to what is in FILE, without the line ends behind it, and shows it behind MARK. No process is started for
# it, which takes the lab as long as a command itself.
take_output() {
    local lines
    mapfile -t lines <"$2"
    local IFS=$'\n'
    printf -v "$1" %s "${lines[*]}"
    while [[ ${!1} == *$'\n' ]]; do printf -v "$1" %s "${!1%$'\n'}"; done
    [[ -z ${!1} ]] || printf "  $3 %s\n" "${lines[@]}"
}

# run COMMAND...: sets status, output and errors, and shows all three.
run() {
    printf '$ %s\n' "$*"
    status=0
    "$@" >"$scratch/.output" 2>"$scratch/.errors" </dev/null || status=$?
    take_output output "$scratch/.output" "|"
    take_output errors "$scratch/.errors" "!"
    ((status == 0)) || printf '  = %s\n' "$status"
}

expect_status() { ((status == $1)) || fail "exit status $status, expected $1"; }

# Extended regular expressions, over all lines.
expect_output() { [[ $output =~ $1 ]] || fail "standard output does not match: $1"; }
expect_errors() { [[ $errors =~ $1 ]] || fail "standard error does not match: $1"; }
expect_no_output() { [[ -z $output ]] || fail "standard output is not empty"; }

# ok COMMAND...: it ends with 0.
ok() {
    run "$@"
    expect_status 0
}

# refused STATUS REGEX COMMAND...: it ends with STATUS and says so on standard error.
refused() {
    run "${@:3}"
    expect_status "$1"
    expect_errors "$2"
}

# expect TEXT COMMAND...: the condition that COMMAND tests, in words.
expect() {
    "${@:2}" || fail "not so: $1"
}

# same WHAT EXPECTED FOUND
same() { [[ $2 == "$3" ]] || fail "$1: expected '$2', found '$3'"; }

# json FILTER: of the last output, by jq.
json() { jq -r "$1" "$scratch/.output"; }

# expect_json FILTER VALUE
expect_json() {
    local found
    found=$(json "$1") || fail "no JSON, or no $1 in it"
    same "$1" "$2" "$found"
}

# The debug kernel takes several times as long for the same.
patience=${LAB_DEBUG:+4}

# wait_for SECONDS TEXT COMMAND...: until COMMAND succeeds; TEXT says what is waited for.
wait_for() {
    local end=$((SECONDS + $1 * ${patience:-1})) what=$2 tick
    shift 2
    exec {tick}<> <(:)
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "waited in vain for: $what"
        read -r -t 0.1 -u "$tick" || true
    done
    exec {tick}>&-
}

# reboot_host WORDS...: ends the test for now; it is run again after a reboot, with WORDS on the kernel's line and LAB_BOOT one higher.
reboot_host() {
    step "boot $((LAB_BOOT + 1))"
    lab reboot "$@"
    exit 0
}

# log_may REGEX, log_must REGEX: what the kernel log of this test may, or has to, hold beside what is harmless.
log_may() { printf '%s\0' --expect "$1" >>"$LAB_LOG_RULES"; }
log_must() { printf '%s\0' --must "$1" >>"$LAB_LOG_RULES"; }

# driver_of BDF: the name of its driver, or nothing.
driver_of() {
    local link
    link=$(readlink "/sys/bus/pci/devices/0000:$1/driver") || true
    printf '%s' "${link##*/}"
}

# group_of BDF: the number of its IOMMU group, or nothing.
group_of() {
    local link
    link=$(readlink "/sys/bus/pci/devices/0000:$1/iommu_group") || true
    printf '%s' "${link##*/}"
}

# interface_of BDF: its network interface, by the name that udev has given it; waits until it is there.
interface_of() {
    wait_for 60 "the network interface of $1" eval "ls /sys/bus/pci/devices/0000:$1/net/* >/dev/null 2>&1"
    udevadm settle
    basename "/sys/bus/pci/devices/0000:$1"/net/*
}

# drive_of BDF: the block device of an NVMe drive, as /dev/nvme0n1; waits until it is there.
drive_of() {
    local serial
    wait_for 30 "the NVMe controller of $1" test -e "/sys/bus/pci/devices/0000:$1/nvme"
    serial=$(cat "/sys/bus/pci/devices/0000:$1/nvme/"nvme*/serial)
    wait_for 30 "the drive of $1" test -e "/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_${serial%% *}"
    readlink -f "/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_${serial%% *}"
}
