# For the first process of the lab's host, and for the service of the booted lab: what the lab was started with, the channels to the outer
# machine, and the command.
# shellcheck shell=bash

# The words of the kernel's command line. Forking a process is dear on an emulated processor: what the shell can do, it does.
declare -A options
for word in $(</proc/cmdline); do
    [[ $word != *=* ]] || options[${word%%=*}]=${word#*=}
done

lab_dir=${options[lab.dir]}
lab_run=${options[lab.run]}
lab_kernel=${options[lab.kernel]}

# port NAME: the device of a virtio-serial port, with or without udev.
port() {
    local entry
    for entry in /sys/class/virtio-ports/*; do
        if [[ $(<"$entry/name") == "$1" ]]; then
            printf '/dev/%s\n' "${entry##*/}"
            return
        fi
    done
    return 1
}

report() { printf '%s\n' "$*" >&"$control"; }

power_off() {
    echo o >/proc/sysrq-trigger
    while :; do read -r -t 60 _ <> <(:); done
}

fail() {
    report "fail $*"
    power_off
}

# A folder that the outer machine sees too.
mount_results() {
    [[ -e $lab_run/results ]] || return 0
    mkdir -p /results
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none results /results || fail "cannot mount /results"
}

identity() {
    ln -sfn "$lab_dir/lab" /usr/local/bin/lab
    printf '%s\n' "${options[lab.topology]}" >/run/lab/topology
    printf '%s\n' "${options[lab.kernelname]}" >/run/lab/kernel
    printf '%s\n' "$(<"$lab_run/nvme.sha256")" >/run/lab/nvme.sha256
    exec {relay}<>/run/lab/control
    cat <&"$relay" >&"$control" &
}

# The NIC that carries the default route.
network() {
    local interfaces interface
    interfaces=(/sys/bus/pci/devices/0000:01:00.0/net/*)
    interface=${interfaces[0]##*/}
    ip -batch - <<EOF || fail "no default route by $interface"
link set lo up
link set $interface up
address add 10.0.2.15/24 dev $interface
route add default via 10.0.2.2
EOF
}

# report_end STATUS: the end of the command, and of the lab, unless the command asked for another boot.
report_end() {
    if [[ -e /run/lab/reboot ]]; then boot_again; else report "exit $1"; fi
}

# Standard streams are pipes to the ports: a port can be opened only once, a pipe as often as anybody likes.
run_command() {
    local status=0 output errors copies=()
    exec {output}> >(exec cat >"$(port lab.output)")
    copies+=("$!")
    exec {errors}> >(exec cat >"$(port lab.errors)")
    copies+=("$!")
    if [[ ${options[lab.mode]} == run ]]; then
        setsid --wait bash "$lab_run/command" </dev/null 1>&"$output" 2>&"$errors" || status=$?
    else
        setsid --wait bash "$lab_run/command" <"$(port lab.input)" 1>&"$output" 2>&"$errors" || status=$?
    fi
    exec {output}>&- {errors}>&-
    end_all_but "${copies[@]}"
    wait "${copies[@]}"
    report_end "$status"
}

run_terminal() {
    local status=0
    [[ ! -e $lab_run/terminal ]] || stty -F /dev/hvc0 rows "$(cut -d' ' -f1 "$lab_run/terminal")" cols "$(cut -d' ' -f2 "$lab_run/terminal")"
    setsid --ctty --wait bash "$lab_run/command" </dev/hvc0 >/dev/hvc0 2>&1 || status=$?
    report_end "$status"
}
