# For lab tests of machines with the tiny guest: started by name, told what to do by their console.
# shellcheck shell=bash

tiny=$PWD/build/dev/bin/tiny-guest

# machine NAME OPTIONS...: starts one, with 64M or $memory, and waits for its guest. Its output is in $scratch/NAME.out and NAME.err.
machine() {
    local name=$1
    shift
    mkfifo "$scratch/$name.in"
    vmm run --name "$name" --memory "${memory:-64M}" --kernel "$tiny" "$@" <>"$scratch/$name.in" >"$scratch/$name.out" 2>"$scratch/$name.err" &
    on_exit eval "kill -9 $! 2>/dev/null; wait $! 2>/dev/null; vmm ps >/dev/null"
    wait_for 60 "the guest of $name" booted "$name" 1
}

# booted NAME TIMES: its guest has started so often.
booted() { (($(grep -c "tiny guest" "$scratch/$1.out") >= $2)); }

# tell NAME COMMANDS: a line for its guest; `heard` with an answer that is not there yet.
tell() { printf '%s\r' "$2" >"$scratch/$1.in"; }
heard() { grep -qE "$2" "$scratch/$1.out"; }
# said NAME REGEX: by the monitor itself.
said() { grep -qE "$2" "$scratch/$1.err"; }

# guest_answers NAME: the guest still does what it is told.
answers=0
guest_answers() {
    answers=$((answers + 1))
    tell "$1" "echo answer $answers"
    wait_for 60 "the guest of $1" heard "$1" "^answer $answers"
}

# switch_on NAME [PORT]: what a guest's slot driver does for a new card, in the first port or this one: power, and the start of the port's window for BAR 0.
switch_on() {
    local port=00:0${2:-1}.0 card=0${2:-1}:00.0 window
    tell "$1" "config write $port 0x58 2 0; config read $port 0x20 2"
    wait_for 60 "the port's window" heard "$1" "^$port 020: "
    window=$(sed -n "s/^$port 020: //p" "$scratch/$1.out" | tail -n 1)
    tell "$1" "config write $card 0x10 4 0x${window:0:3}00000; config write $card 0x14 4 0"
}

# end NAME
end() {
    ok vmm ctl "$1" quit
    wait_for 60 "the end of $1" gone_machine "$1"
}
gone_machine() { ! vmm ps | grep -q "^$1 "; }
