#!/bin/bash
# dracut's module: the table of the devices to keep from their drivers, the script that does it, and vfio-pci.
# shellcheck disable=SC2154 # dracut's own: initdir, moddir

check() {
    require_binaries vassign || return 1
    [[ -n $(vassign rules --early 2>/dev/null) ]]
}

depends() { :; }

installkernel() {
    # Also on a host-only initramfs: no device is on vfio-pci while it is made.
    hostonly='' instmods vfio-pci
}

install() {
    mkdir -p "$initdir/etc/vassign"
    vassign rules --early >"$initdir/etc/vassign/early" || return 1
    inst_script /usr/lib/vassign/early /usr/lib/vassign/early
    inst_multiple sh modprobe
    inst_hook pre-udev 10 "$moddir/pre-udev.sh"
}
