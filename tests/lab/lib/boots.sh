# The booted lab: a root file system of its own, started again and again until the command asks for no further boot.
# shellcheck shell=bash

# prepare_boots: the first start's initramfs is the image's; the root file system is this lab's own copy of the image's.
prepare_boots() {
    mkdir "$run/boot"
    cp --sparse=always "$image/root.img" "$run/root.img"
    printf '%s' "${LAB_FIRST_BOOT_OPTIONS:-}" >"$run/boot/words"
    initramfs=$image/initramfs boot_number=1
    describe_boot
}

# The words for the kernel that this boot has beside those of every lab; those of the request are the last.
describe_boot() {
    boot_options="root=/dev/vda rw systemd.getty_auto=no lab.boot=$boot_number "
    [[ ! -s $run/boot/words ]] || boot_options+="$(<"$run/boot/words") "
}

boot_devices() {
    machine+=(
        -drive "if=none,id=drive-root,file=$run/root.img,format=raw,cache=unsafe,discard=unmap"
        -device virtio-blk-pci,id=root,bus=pcie.0,addr=0x07.0,drive=drive-root
    )
    share boot "$run/boot" 0x06.0
}

# The machine has ended for a reboot: the next one gets the initramfs that it made, and the words that were asked for.
next_boot() {
    exec {control_fd}<&-
    boot_number=$((boot_number + 1)) machine_status=""
    [[ ! -s $run/boot/initramfs ]] || initramfs=$run/boot/initramfs
    describe_boot
    describe_machine
    lab_step="kernel start"
    start_machine
    watch_machine
}

# ask_for_reboot WORDS...: inside the lab, `lab reboot`.
ask_for_reboot() {
    [[ -e /run/lab/boot ]] || die "lab reboot works inside the booted lab (--boot systemd)"
    printf '%s\n' "$*" >/run/lab/reboot
}
