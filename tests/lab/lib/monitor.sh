# Inside the lab: the monitor of the machine around it, by the port lab.monitor, which speaks QMP.
# shellcheck shell=bash

monitor_port=/dev/virtio-ports/lab.monitor

# quote_json TEXT: as a JSON string.
quote_json() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# ask_monitor REQUEST: the reply of one QMP request on standard output, one line of JSON; events are skipped.
ask_monitor() {
    local port line
    exec {port}<>"$monitor_port"
    printf '{"execute": "qmp_capabilities"}\n%s\n' "${1%\}}, \"id\": \"lab-$$\"}" >&"$port"
    while IFS= read -r -t 60 -u "$port" line; do
        if [[ $line == *"\"id\": \"lab-$$\""* ]]; then
            printf '%s\n' "$line"
            exec {port}>&-
            return
        fi
    done
    die "the monitor gave no answer"
}

# lab_monitor COMMAND...: prints the reply; the status is 1 when QEMU reports an error.
lab_monitor() {
    local request reply text
    [[ -e $monitor_port ]] || die "lab monitor works inside the lab"
    (($#)) || die_usage "lab monitor needs a command"
    request="$*"
    if [[ $request != \{* ]]; then
        request="{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": $(quote_json "$request")}}"
    fi
    reply=$(with_lock monitor ask_monitor "$request") || exit
    if [[ $reply == *'"error": {'* ]]; then
        printf '%s\n' "$reply" >&2
        return 1
    fi
    if [[ $* == \{* ]]; then
        printf '%s\n' "$reply"
        return
    fi
    text=${reply#*\"return\": \"}
    text=$(printf '%b' "${text%\", \"id\":*}" | tr -d '\r')
    [[ -z $text ]] || printf '%s\n' "$text"
    [[ $text != Error:* && $text != 'unknown command:'* && $text != *': Try "help '* ]]
}
