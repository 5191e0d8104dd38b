# The outer machine: its QEMU process, its channels, and the watch over its progress.
# shellcheck shell=bash

# Processes that this one has to end: the machine, helpers; and those that end with the machine and are waited for.
machine_pid=""
machine_status=""
helper_pids=()
output_pids=()
saved_terminal=""

# The processor is a real model's, and the emulation lacks some of its instructions; the firmware's own setting has no "opt/".
harmless_qemu="warning: TCG doesn't support requested feature\|warning: externally provided fw_cfg item names"

# The pipes between our own standard streams and QEMU; QEMU then never sees what ours really are.
open_streams() {
    exec {output_fd}> >(exec cat)
    output_pids+=("$!")
    exec {errors_fd}> >(exec cat >&2)
    output_pids+=("$!")
    if [[ $mode == run ]]; then
        return
    fi
    exec {stdin_fd}<&0
    exec {input_fd}< <(exec cat <&"$stdin_fd")
    helper_pids+=("$!")
    exec {stdin_fd}<&-
    if [[ -n $terminal ]]; then
        saved_terminal=$(stty -g)
        stty raw -echo
    fi
}

# Kernel console: ttyS0, a file. Everything else is a port of one virtio-serial device: lab.control (steps and exit status, out),
# lab.monitor (QMP, both ways), lab.output, lab.errors, lab.input, or lab.terminal (a console) in the place of these three.
channel_devices() {
    local output="path=/dev/fdset/2,append=on,logfile=$run/output.log,logappend=on"
    machine+=(
        -chardev "file,id=console,path=$run/console.log,append=on" -serial chardev:console
        -device virtio-serial-pci,id=channels,bus=pcie.0,addr=0x03.0,max_ports=8
        -add-fd fd=9,set=1 -chardev file,id=control,path=/dev/fdset/1,append=on
        -chardev "socket,id=qmp,path=$run/monitor,server=on,wait=off" -mon chardev=qmp,mode=control
        -chardev "socket,id=monitor,path=$run/monitor"
        -add-fd fd="$output_fd",set=2
        -add-fd fd="$errors_fd",set=3 -chardev "file,id=errors,path=/dev/fdset/3,append=on,logfile=$run/errors.log,logappend=on"
    )
    if [[ -n $terminal ]]; then
        machine+=(
            -add-fd fd="$input_fd",set=4 -chardev "file,id=terminal,input-path=/dev/fdset/4,$output"
            -device virtconsole,chardev=terminal,name=lab.terminal,nr=0
        )
    else
        machine+=(-chardev "file,id=output,$output" -device virtserialport,chardev=output,name=lab.output,nr=1)
        [[ $mode == run ]] || machine+=(
            -add-fd fd="$input_fd",set=4 -chardev "file,id=input,path=/dev/null,input-path=/dev/fdset/4"
            -device virtserialport,chardev=input,name=lab.input,nr=2
        )
    fi
    machine+=(
        -device virtserialport,chardev=errors,name=lab.errors,nr=3
        -device virtserialport,chardev=control,name=lab.control,nr=4
        -device virtserialport,chardev=monitor,name=lab.monitor,nr=5
    )
}

# Words for the kernel's command line that keep a busy outer machine from confusing the kernel about time. The emulated processors
# count the outer machine's TSC, so it is reliable, and its frequency is known: half of what Linux calls BogoMIPS. Left to itself the
# kernel would measure it, and be wrong by any factor when an emulated processor has to wait meanwhile. Its test of the timer interrupt,
# which ends in a panic, is left out for the same reason.
clock_options() {
    local speed
    speed=$(awk -F ': ' '/^bogomips/ { printf "%d", $2 * 500; exit }' /proc/cpuinfo)
    printf 'tsc=reliable no_timer_check%s' "${speed:+ tsc_early_khz=$speed}"
}

# Modules of Debian's kernel that the machine's cards and processor ask for, and nothing in the lab uses: a second of its boot.
not_needed=aesni_intel,ghash_clmulni_intel,crct10dif_pclmul,crc32_pclmul,sha1_ssse3,sha256_ssse3,sha512_ssse3,intel_rapl_msr,intel_rapl_common,pcspkr

# speed_options stock|lab|debug: words for the kernel's command line that save an emulated processor work: hardening of the stock kernel;
# of the lab kernel, which has none, the built-in drivers that wait for their cards one after the other.
speed_options() {
    case $1 in
        stock) printf 'mitigations=off init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off kfence.sample_interval=0 apparmor=0 selinux=0' && printf ' modprobe.blacklist=%s' "$not_needed" ;;
        lab | debug) printf 'driver_async_probe=igb,e1000e,e1000,8139cp,ahci,xhci_hcd,bochs-drm' ;;
    esac
}

# share TAG PATH ADDRESS [OPTION]: a folder of the outer machine, as a 9p mount.
share() {
    machine+=(
        -fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap${4:-}"
        -device "virtio-9p-pci,id=share-$1,fsdev=$1,mount_tag=$1,bus=pcie.0,addr=$3"
    )
}

# Fills the array `machine` with QEMU's command line. The IOMMU comes before every device. The firmware does not run the ROMs
# of the cards, which takes an emulated processor three seconds; the devices still have them.
# Hot-plug is the slots' own, as on a server, not the firmware's.
describe_machine() {
    printf '\0' >"$run/zero"
    machine=(
        qemu-system-x86_64 -name vassign-lab -nodefaults -no-user-config -display none -no-reboot
        -machine q35,i8042=off,hpet=off,dump-guest-core=off -accel tcg,thread=multi,tb-size=1024 -cpu EPYC-v4,+x2apic -smp "$cpus" -m "$memory"
        -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
        -d cpu_reset -D "$run/cpu.log"
        -fw_cfg "name=etc/pci-optionrom-exec,file=$run/zero"
        -kernel "$kernel/vmlinux" -initrd "$initramfs"
        -append "console=ttyS0 panic=-1 $(clock_options) log_buf_len=4M $kernel_options ${boot_options:-}lab.dir=$lab_dir lab.run=$run lab.kernel=$kernel lab.guestkernel=$guest_kernel lab.mode=$mode"
    )
    topology_devices "$topology"
    channel_devices
    share outer / 0x04.0 ,readonly=on
    [[ -z $results ]] || share results "$results" 0x05.0
    [[ -z $boot_name ]] || boot_devices
}

# QEMU alone holds the writing end of the control channel (as descriptor 9): its end is QEMU's end. It dies with this process.
start_machine() {
    started_at=${EPOCHREALTIME//[!0-9]/}
    exec {control_fd}< <(TMPDIR=$run exec setpriv --pdeathsig KILL "${machine[@]}" 9>&1 </dev/null >>"$run/qemu.log" 2>&1)
    machine_pid=$!
    [[ -n $boot_name ]] || close_streams
}

# Ours alone: a machine that runs has its own. What reads the machine's output ends when all are closed.
close_streams() {
    [[ -z ${output_fd:-} ]] || exec {output_fd}>&- {errors_fd}>&-
    [[ -z ${input_fd:-} ]] || exec {input_fd}<&-
    output_fd="" input_fd=""
}

# The bytes that came out of the machine until now.
progress() { stat -c %s "$run/console.log" "$run/output.log" "$run/errors.log" 2>/dev/null | tr '\n' ' ' || true; }

next_step() {
    lab_step=$1
    [[ -z $verbose ]] || note "after $(since_start) s, $(processor_time) s of processor: $1"
}

# The processor seconds of the machine until now: unlike the clock, they do not depend on what else runs.
processor_time() { awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.1f", ($12 + $13) / tick }' "/proc/$machine_pid/stat"; }

since_start() {
    local milliseconds=$(((${EPOCHREALTIME//[!0-9]/} - started_at) / 1000))
    printf '%d.%01d' $((milliseconds / 1000)) $((milliseconds % 1000 / 100))
}

# Follows the machine until it reports an exit status or ends; sets machine_status, or fails with the step.
watch_machine() {
    local line="" part status seen="" now last=$SECONDS
    while :; do
        status=0
        IFS= read -r -t 1 -u "$control_fd" part || status=$?
        line+=$part
        if ((status == 0)); then
            case $line in
                'step '*) next_step "${line#step }" ;;
                'exit '*)
                    machine_status=${line#exit }
                    next_step end
                    return
                    ;;
                reboot)
                    machine_status=reboot
                    next_step reboot
                    ;;
                'fail '*) machine_failed "${line#fail }" 125 ;;
            esac
            line=""
            last=$SECONDS
        elif ((status == 1)) && [[ $machine_status == reboot ]]; then
            return
        elif ((status == 1)); then
            status=0
            wait "$machine_pid" || status=$?
            machine_failed "the machine ended by itself, with status $status" 125
        else
            now=$(progress)
            [[ $now == "$seen" ]] || last=$SECONDS
            seen=$now
            if [[ $mode == run || $lab_step != command ]]; then
                ((SECONDS - last < timeout)) || machine_failed "no output for $timeout s" 124
                ((SECONDS < limit)) || machine_failed "not done after $limit s" 124
            fi
        fi
    done
}

# machine_failed WHY STATUS: the report of a lab that did not reach the end of its command.
machine_failed() {
    local kept=$results
    restore_terminal
    [[ -n $kept ]] || kept=$(mktemp -d "${TMPDIR:-/tmp}/vassign-lab-failed.XXXXXX")
    keep_logs "$kept"
    note "failed in step '$lab_step': $1"
    if grep -qv "$harmless_qemu" "$run/qemu.log"; then
        note "QEMU said:"
        grep -v "$harmless_qemu" "$run/qemu.log" | sed 's/^/    /' >&2
    fi
    note "last lines of the console:"
    tail -n 30 "$run/console.log" 2>/dev/null | tr -d '\r' | sed 's/^/    /' >&2
    note "kept: $kept/lab-console.log and what else there was"
    exit "$2"
}

keep_logs() {
    local log
    for log in console qemu cpu output errors; do
        [[ ! -s $run/$log.log ]] || cp "$run/$log.log" "$1/lab-$log.log"
    done
}

restore_terminal() {
    [[ -z $saved_terminal ]] || stty "$saved_terminal"
    saved_terminal=""
}

# Ends QEMU and waits until it is gone, which the end of its control channel tells.
stop_machine() {
    local signal
    [[ -n $machine_pid ]] || return 0
    for signal in TERM KILL; do
        kill -s "$signal" "$machine_pid" 2>/dev/null || true
        if read_to_end 10; then
            break
        fi
    done
    machine_pid=""
}

# read_to_end SECONDS: whether the control channel ended in that time.
read_to_end() {
    local end=$((SECONDS + $1)) status
    while ((SECONDS <= end)); do
        status=0
        IFS= read -r -t 1 -u "$control_fd" _ || status=$?
        ((status != 1)) || return 0
    done
    return 1
}

# On every way out. What reads the machine's output ends by itself when the machine is gone, having passed on all of it.
clean_up() {
    local pid
    restore_terminal
    stop_machine
    close_streams
    for pid in "${helper_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${output_pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    [[ -z ${run:-} ]] || rm -rf -- "$run"
}
