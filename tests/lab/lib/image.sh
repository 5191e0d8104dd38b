# The image of the booted lab: a small Debian with systemd, the stock kernel, and an initramfs made in it. Made once per user and
# kernel, by what is in it.
# shellcheck shell=bash

# What the image holds beside the essential packages: what boots it, what the tests call, the libraries of the two programs.
image_packages=(
    systemd systemd-sysv udev kmod initramfs-tools busybox lz4 dracut-core
    iproute2 procps jq pciutils
    libpci3 libudev1 libkmod2 libcap-ng0 libnl-route-3-200 libfmt9 libarchive13
)
# Raise this when the way of making it changes what comes out.
image_recipe=1
image_suite=bookworm
# Modules for which the lab has no device.
image_without=(sound kernel/sound kernel/drivers/{media,gpu,staging,iio,infiniband,isdn,bluetooth} kernel/drivers/net/{wireless,can,wwan} kernel/net/{bluetooth,wireless,mac80211})

# The folder of the cache that holds the image for the kernel in KERNEL_FOLDER.
image_folder() {
    local hash
    hash=$({
        printf '%s\n' "$image_recipe" "$image_suite" "${image_packages[@]}" "${image_without[@]}" "${1##*/}"
        find "$lab_dir/image" -type f | LC_ALL=C sort | xargs -d '\n' cat --
    } | sha256sum)
    printf '%s/image-%s\n' "$lab_cache" "${hash:0:16}"
}

# The suites of the image, as lines of apt's sources, from where this machine gets them.
image_sources() (
    # shellcheck source=tests/support/packages
    . "$lab_dir/../support/packages"
    apt_suites | while IFS=$'\t' read -r uri suite name entry _; do
        case $image_suite in
            "$suite" | "${suite%-updates}" | "${suite%-security}" | "$name" | "${name%-security}")
                key=$(signed_by "$entry")
                printf 'deb %s%s %s main\n' "${key:+[signed-by=$key] }" "$uri" "$suite"
                ;;
        esac
    done
)

# With the rights that devices and owners in a file system need.
image_as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# stage_kernel KERNEL_FOLDER TREE: the kernel as its package would place it, for mmdebstrap's hook below.
stage_kernel() {
    local kernel=$1 tree=$2 release name
    release=$(<"$kernel/release")
    mkdir -p "$tree/boot" "$tree/lib/modules"
    cp -r "$kernel/lib/modules/$release" "$tree/lib/modules/$release"
    for name in "${image_without[@]}"; do
        rm -rf "${tree:?}/lib/modules/$release/$name"
    done
    for name in vmlinuz config System.map; do
        cp "$kernel/$name" "$tree/boot/$name-$release"
    done
    depmod -b "$tree" "$release"
}

# make_image FOLDER KERNEL_FOLDER: root.img and initramfs, complete or not there at all.
make_image() {
    local folder=$1 kernel=$2 release work packages
    [[ -e $folder/root.img ]] && return
    need_commands mmdebstrap mkfs.ext4 depmod
    note "making the image of the booted lab (about 2 minutes, once per user and kernel)"
    new_folder "$folder.new"
    work=$folder.new/work release=$(<"$kernel/release")
    mkdir -p "$work"
    image_sources >"$work/sources.list"
    [[ -s $work/sources.list ]] || die "apt on this machine has no suite $image_suite, of which the booted lab is made"
    stage_kernel "$kernel" "$work/kernel"
    packages=$(IFS=, && printf '%s' "${image_packages[*]}")
    image_as_root env LAB_IMAGE="$lab_dir/image" LAB_STAGED="$work/kernel" LAB_RELEASE="$release" mmdebstrap --quiet --mode=root --variant=minbase \
        --include="$packages" --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --customize-hook="cp -r --no-preserve=ownership \"\$LAB_STAGED\"/boot \"\$1\"/" \
        --customize-hook="cp -r --no-preserve=ownership \"\$LAB_STAGED\"/lib/modules \"\$1\"/usr/lib/" \
        --customize-hook="cp -r --no-preserve=ownership \"\$LAB_IMAGE\"/. \"\$1\"/" \
        --customize-hook="chroot \"\$1\" systemctl --quiet set-default lab.target" \
        --customize-hook="chroot \"\$1\" systemctl --quiet mask getty-static.service getty@.service serial-getty@.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer" \
        --customize-hook="chroot \"\$1\" update-initramfs -c -k \"\$LAB_RELEASE\"" \
        "$image_suite" "$work/tree" "$work/sources.list" >"$folder.new/build.log" 2>&1 </dev/null || {
        tail -n 30 "$folder.new/build.log" >&2
        die "the image could not be made; its whole log is $folder.new/build.log"
    }
    cp "$work/tree/boot/initrd.img-$release" "$folder.new/initramfs"
    image_as_root mkfs.ext4 -q -F -L lab-root -E nodiscard -d "$work/tree" "$folder.new/root.img" 1G
    image_as_root rm -rf "$work"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# prepare_image KERNEL_FOLDER: sets `image` to the folder that holds root.img and initramfs.
prepare_image() {
    image=$(image_folder "$1")
    [[ -e $image/root.img ]] || with_lock image make_image "$image" "$1"
}
