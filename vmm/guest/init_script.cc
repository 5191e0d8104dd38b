#include "vmm/guest/init_script.h"

namespace vmm::guest {
namespace {

constexpr std::string_view kScript = R"SCRIPT(#!/bin/busybox sh
# Process 1 of the default guest: loads the drivers of the assigned devices, waits for what they
# find, and runs a command or a shell. The guest is off afterwards.
export PATH=/bin HOME=/root

driver_limit=20 # seconds for a driver to take its device
drive_limit=20  # seconds for an NVMe controller to show its namespaces
disk_limit=5    # seconds for any other storage controller, which may have none

say() { echo "vassign: $*"; }

prepare() {
  /bin/busybox mount -t proc proc /proc
  /bin/busybox --install -s /bin
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev
  ip link set lo up
}

load_modules() {
  while read -r module; do
    insmod "/modules/$module" || say "the module $module could not be loaded"
  done < /modules/order
}

seconds() {
  read -r uptime _ < /proc/uptime
  echo "${uptime%%.*}"
}

# wait_until SECONDS COMMAND...: sysfs tells no shell of a change, so it is asked every 50 ms.
wait_until() {
  deadline=$(($(seconds) + $1))
  shift
  until "$@"; do
    [ "$(seconds)" -le "$deadline" ] || return 1
    usleep 50000
  done
}

# The kernel opened no console for us when a module brings it.
take_console() {
  [ -e /vassign/console ] || return
  read -r console < /vassign/console
  wait_until "$driver_limit" [ -c "/dev/$console" ] || return
  exec < "/dev/$console" > "/dev/$console" 2>&1
}

is_assigned() {
  [ -e "$1/modalias" ] || return 1
  read -r alias < "$1/modalias"
  while read -r prefix; do
    case $alias in "$prefix"*) return 0 ;; esac
  done < /vassign/devices
  return 1
}

has_driver() { [ -e "$1/driver" ]; }

# The names of the disks behind a PCI function. A path to a shared NVMe namespace (nvme0c1n2) is not
# a disk, the namespace's head (nvme0n2) is.
disks_of() {
  for node in "$1"/nvme/nvme*/nvme*n[0-9]*; do
    [ -e "$node" ] || continue
    numbers=${node##*/nvme}
    echo "nvme${numbers%%[cn]*}n${numbers##*n}"
  done
  find "$1/" -maxdepth 8 -type d -name block -exec ls {} \; 2> /dev/null
}

has_disks() {
  disks=$(disks_of "$1")
  [ -n "$disks" ] || return 1
  for disk in $disks; do
    [ -b "/dev/$disk" ] || return 1
  done
}

wait_for_devices() {
  for function in /sys/bus/pci/devices/*; do
    is_assigned "$function" || continue
    address=${function##*/}
    if ! wait_until "$driver_limit" has_driver "$function"; then
      say "no driver took $address within $driver_limit s"
      continue
    fi
    read -r class < "$function/class"
    case $class in
      0x0108*) limit=$drive_limit ;;
      0x01*) limit=$disk_limit ;;
      *) continue ;;
    esac
    wait_until "$limit" has_disks "$function" || say "$address shows no disk after $limit s"
  done
}

# The power button ends the guest at once: nothing in it needs to be kept.
watch_power_button() {
  for name in /sys/class/input/event*/device/name; do
    [ -e "$name" ] || continue
    read -r text < "$name"
    [ "$text" = "Power Button" ] || continue
    event=${name#/sys/class/input/}
    {
      dd if="/dev/input/${event%%/*}" of=/dev/null bs=24 count=1 2> /dev/null &&
        say "the power button was pressed" && poweroff -f
    } &
    return
  done
}

end_all_but() {
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    case " 1 $* " in *" $process "*) continue ;; esac
    kill -KILL "$process" 2> /dev/null
  done
}

# stty sets a port only after all that was written to it has left.
drain() {
  for port; do
    stty -F "$port" 115200 raw -echo || return 1
  done
}

# Output goes to COM2 and COM3 through pipes, because programs treat a terminal differently. Input
# is empty: the monitor sends none, and a command that reads must not wait for ever.
run_command() {
  if ! drain /dev/ttyS1 /dev/ttyS2 /dev/ttyS3; then
    say "the serial ports COM2 to COM4 do not work, so the command is not run"
    return
  fi
  exec 3> /dev/ttyS1 4> /dev/ttyS2 5> /dev/ttyS3
  mkfifo /run/out /run/err
  cat /run/out >&3 &
  out=$!
  cat /run/err >&4 &
  err=$!
  echo ready >&5
  sh /vassign/command < /dev/null > /run/out 2> /run/err 3>&- 4>&- 5>&-
  status=$?
  end_all_but "$out" "$err"
  wait "$out" "$err"
  drain /dev/ttyS1 /dev/ttyS2
  echo "exit $status" >&5
  drain /dev/ttyS3
}

describe() {
  read -r vendor < "$1/vendor"
  read -r device < "$1/device"
  driver=no-driver
  has_driver "$1" && driver=$(readlink "$1/driver") && driver=${driver##*/}
  shown=
  for disk in $(disks_of "$1"); do
    [ -r "/sys/class/block/$disk/size" ] || continue
    read -r sectors < "/sys/class/block/$disk/size"
    shown="$shown $disk ($((sectors / 2048)) MiB)"
  done
  for port in "$1"/net/*; do
    [ -e "$port" ] && shown="$shown ${port##*/}"
  done
  echo "  ${1##*/}  ${vendor#0x}:${device#0x}  $driver $shown"
}

greet() {
  echo
  echo "Linux $(uname -r), CPUs: $(nproc). Devices:"
  for function in /sys/bus/pci/devices/*; do
    [ -e "$function" ] || continue
    read -r class < "$function/class"
    case $class in 0x06*) ;; *) describe "$function" ;; esac
  done
  echo "Leave with 'exit' or 'poweroff'; Ctrl-A X ends the machine from outside."
  echo
}

# Without -f poweroff and reboot would ask process 1, which is this script and waits for the shell.
run_shell() {
  for name in poweroff reboot halt; do
    echo "$name() { busybox $name -f; }"
  done > /run/functions
  greet
  cd /root || cd /
  ENV=/run/functions PS1='guest:\w# ' setsid cttyhack sh
}

prepare
load_modules
take_console
wait_for_devices
watch_power_button
if [ -e /vassign/command ]; then run_command; else run_shell; fi
poweroff -f
)SCRIPT";

}  // namespace

std::string_view InitScript() { return kScript; }

}  // namespace vmm::guest
