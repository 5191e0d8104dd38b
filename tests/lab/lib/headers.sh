# Comments at the head of a lab test: "# NAME: VALUE".
# shellcheck shell=bash

# header FILE NAME DEFAULT: the value in the first comment block.
header() {
    local line
    while IFS= read -r line && [[ $line == '#'* ]]; do
        if [[ $line == "# $2: "* ]]; then
            printf '%s\n' "${line#"# $2: "}"
            return
        fi
    done <"$1"
    printf '%s\n' "$3"
}

# silence_of FILE: the longest silence in seconds; the debug kernel takes several times as long for the same.
silence_of() {
    local seconds
    seconds=$(header "$1" timeout 240)
    [[ -z ${LAB_DEBUG:-} ]] || seconds=$((seconds * 4))
    printf '%s\n' "$seconds"
}

# limit_of FILE: the seconds that the test may take in all; a soak gets twenty times as many, the debug kernel four times.
limit_of() {
    local seconds
    seconds=$(header "$1" limit 900)
    [[ -z ${LAB_DEBUG:-} ]] || seconds=$((seconds * 4))
    [[ -z ${LAB_SOAK:-} ]] || seconds=$((seconds * 20))
    printf '%s\n' "$seconds"
}
