# The initramfs: busybox, init/first, and the modules that reach the root file system.
# shellcheck shell=bash

# make_initramfs KERNEL_FOLDER OUTPUT: an uncompressed archive; unpacking one costs an emulated processor more than reading it.
make_initramfs() {
    local kernel=$1 output=$2 tree
    tree=$output.tree
    mkdir -p "$tree"/{bin,proc,sys,dev,outer,layer,host,modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    cp "$lab_dir/init/first" "$tree/init"
    [[ ! -d $kernel/early ]] || cp "$kernel/early/"*.ko "$tree/modules/"
    (cd "$tree" && find . -mindepth 1 -printf '%P\n' | cpio -o -H newc --quiet) >"$output"
    rm -rf "$tree"
}
