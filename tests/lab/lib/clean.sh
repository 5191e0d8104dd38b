# The state that every lab test has to leave as it found it, and its repair for the next test.
# shellcheck shell=bash

# One line per fact, so that a comparison names what was left behind.
host_state() {
    find /sys/bus/pci/devices/*/ -maxdepth 1 \( -name driver -o -name iommu_group \) -printf '%h %f %l\n' | sed -E 's,/sys/bus/pci/devices/,device ,; s,[^ ]*/,,g' | sort
    grep -H . /sys/bus/pci/devices/*/{driver_override,sriov_numvfs,sriov_drivers_autoprobe} 2>/dev/null | sed 's,/sys/bus/pci/devices/,device ,; s,:\([^:]*\)$, \1,'
    cut -d' ' -f1-4 /proc/mounts | sed 's/^/mount /'
    ip -4 -brief address show | awk '{ $2 = ""; print "address " $0 }'
    printf 'network interface %s\n' /sys/class/net/*
    # Whether the other end of a cable is there is not a test's doing.
    ip route show | sed -E 's/^/route /; s/ (linkdown|dead)\b//g; s/ +$//'
    find /run/vassign -type f ! -path '*/lock*' -printf 'journal %p\n' 2>/dev/null
    sed 's/^/huge pages /' /proc/sys/vm/nr_hugepages
    foreign_processes
}

# Processes that hold a VFIO or KVM descriptor. A test's other processes end with its session.
foreign_processes() {
    find /proc/[0-9]*/fd -lname '/dev/vfio/*' -o -lname '/dev/iommu' -o -lname 'anon_inode:kvm-v*' 2>/dev/null |
        cut -d/ -f3 | sort -u | while read -r pid; do
        printf 'process that holds a device: %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
}

# end_session ID: what a test started and left running.
end_session() {
    local pid
    for pid in $(ps -o pid= -s "$1"); do
        printf 'process left running: %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# changed_devices BEFORE NOW: the devices of which these two states differ. They are not sorted as comm wants them.
changed_devices() {
    comm -3 <(LC_ALL=C sort "$1") <(LC_ALL=C sort "$2") | awk '$1 == "device" { print $2 }' | cut -d/ -f1 | LC_ALL=C sort -u
}

# known_of BEFORE DEVICE NAME: what that state says of a device, or nothing.
known_of() { awk -v device="$2" -v name="$3" '$1 == "device" && ($2 == device "/" name || ($2 == device && $3 == name)) { print $NF }' "$1"; }

# repair BEFORE NOW: devices back to the drivers of before; the rest has failed the test already. What did not change is left alone:
# the lab itself stands on some of the devices.
repair() {
    local bdf device driver
    for bdf in $(changed_devices "$1" "$2"); do
        device=/sys/bus/pci/devices/$bdf
        [[ -e $device ]] || continue
        [[ $(known_of "$1" "$bdf" sriov_numvfs) == "$(known_of "$2" "$bdf" sriov_numvfs)" ]] || echo 0 >"$device/sriov_numvfs" || true
        [[ ! -e $device/sriov_drivers_autoprobe ]] || echo 1 >"$device/sriov_drivers_autoprobe" || true
        echo >"$device/driver_override" || true
        driver=$(known_of "$1" "$bdf" driver)
        [[ $driver != "$(known_of "$2" "$bdf" driver)" ]] || continue
        [[ ! -e $device/driver ]] || echo "$bdf" >"$device/driver/unbind" || true
        [[ -z $driver ]] || echo "$bdf" >"/sys/bus/pci/drivers/$driver/bind" || true
    done
}
