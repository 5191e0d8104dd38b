# Debian's kernels, unpacked into the cache without being installed: the stock kernel, its newest linux-image-6.12; and the older one
# that guests run, its newest linux-image-6.1.
# shellcheck shell=bash

# What the initramfs loads before the root file system is there, in this order; what they depend on comes first by itself.
stock_early_modules=(virtio_iommu 9pnet_virtio 9p overlay)

declare -A debian_series=([stock]=6.12 [older]=6.1)

# ask_apt_for KERNEL: the newest candidate that apt knows: PACKAGE VERSION. Not cloud, not rt, not unsigned, no debug symbols, no meta-package.
ask_apt_for() {
    local package version
    package=$(apt-cache pkgnames "linux-image-${debian_series[$1]}." 2>/dev/null |
        grep -xE 'linux-image-[0-9.]+[^-]*(-[0-9]+)?-amd64' | sort -V | tail -n 1 || true)
    [[ -n $package ]] || return 0
    version=$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')
    printf '%s %s\n' "$package" "$version"
}

# The same, asked anew only when apt's lists have changed: asking takes longer than anything else before a boot.
newest_package() {
    local known="" answer="" lists file=$lab_cache/$1-newest
    lists=$(stat -c %Y /var/lib/apt/lists 2>/dev/null || true)
    [[ ! -r $file ]] || { read -r known && read -r answer; } <"$file" || true
    if [[ -z $answer || $known != "$lists" ]]; then
        answer=$(ask_apt_for "$1")
        mkdir -p "$lab_cache"
        printf '%s\n%s\n' "$lists" "$answer" >"$file.$$" && mv "$file.$$" "$file"
    fi
    [[ -z $answer ]] || printf '%s\n' "$answer"
}

newest_cached() {
    find "$lab_cache" -maxdepth 2 -path "*/$1-kernel-*/release" -printf '%h\n' 2>/dev/null | sort -V | tail -n 1
}

# unpack_kernel FOLDER PACKAGE: complete or not there at all.
unpack_kernel() {
    local folder=$1 package=$2 release
    [[ -e $folder/release ]] && return
    need_commands apt-get dpkg depmod xz zstd
    release=${package#linux-image-}
    note "fetching $package (about 100 MB, once per user and version)"
    new_folder "$folder.new"
    (cd "$folder.new" && apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$package" >apt.log 2>&1) || {
        cat "$folder.new/apt.log" >&2
        rm -rf "$folder.new"
        return 1
    }
    dpkg -x "$folder.new/"*.deb "$folder.new/package"
    mkdir -p "$folder.new/lib"
    mv "$folder.new/package/lib/modules" "$folder.new/lib/modules"
    mv "$folder.new/package/boot/vmlinuz-$release" "$folder.new/vmlinuz"
    mv "$folder.new/package/boot/config-$release" "$folder.new/config"
    mv "$folder.new/package/boot/System.map-$release" "$folder.new/System.map"
    rm -rf "$folder.new/package" "$folder.new/"*.deb "$folder.new/lib/modules/$release/"{build,source}
    depmod -b "$folder.new" "$release"
    extract_vmlinux "$folder.new/vmlinuz" "$folder.new/vmlinux"
    early_modules "$folder.new" "$folder.new/early" "${stock_early_modules[@]}"
    printf '%s\n' "$release" >"$folder.new/release"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# extract_vmlinux BZIMAGE OUTPUT: the ELF inside, which QEMU starts by PVH without unpacking it on an emulated processor.
# The boot protocol's header says where it is: setup_sects, payload_offset, payload_length (which counts the 4 bytes of size at the end).
extract_vmlinux() {
    local image=$1 output=$2 sectors offset length tool
    sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image")
    read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$image")
    for tool in zstd xz lz4; do
        tail -c "+$(((sectors + 1) * 512 + offset + 1))" "$image" | head -c $((length - 4)) | "$tool" -dc >"$output" 2>/dev/null || true
        [[ $(head -c 4 "$output" | tr -d '\0') != $'\x7fELF' ]] || return 0
    done
    die "no ELF kernel found inside $image"
}

# early_modules FOLDER OUTPUT MODULE...: modules of that kernel for an initramfs, unpacked and numbered in the order of loading.
early_modules() {
    local folder=$1 output=$2 release module path number=10
    local -A taken=()
    release=$(basename "$folder/lib/modules/"*)
    shift 2
    mkdir -p "$output"
    for module; do
        while read -r path; do
            [[ -z ${taken[$path]:-} ]] || continue
            taken[$path]=1
            xz -dcf "$path" >"$output/$number-$(basename "$path" .xz)"
            number=$((number + 1))
        done < <(modprobe -d "$folder" -S "$release" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p')
    done
}

# prepare_debian_kernel stock|older: sets `kernel` to its folder; without a network the newest one in the cache serves.
prepare_debian_kernel() {
    local package version
    read -r package version < <(newest_package "$1") || true
    if [[ -n ${package:-} ]]; then
        kernel=$lab_cache/$1-kernel-${package#linux-image-}-${version//[^A-Za-z0-9.+-]/_}
        if [[ -e $kernel/release ]] || with_lock "$1-kernel" unpack_kernel "$kernel" "$package"; then
            return
        fi
        note "$package could not be fetched"
    fi
    kernel=$(newest_cached "$1")
    [[ -n $kernel ]] || die "no linux-image-${debian_series[$1]} package in apt's lists and none in the cache: apt-get update, then again"
}

# add_builtin_aliases FOLDER: before Linux 6.17 a kernel does not say which devices its built-in drivers are for. Debian's modules of
# the same names do; with their aliases libkmod finds a driver on the lab kernel as it does on the stock one. Debian leaves the variant
# driver of virtio network cards out: its alias is that of drivers/vfio/pci/virtio/main.c.
add_builtin_aliases() {
    local folder=$1 release modules stock
    release=$(<"$folder/release") modules=$folder/lib/modules/$release
    stock=$(prepare_debian_kernel stock && printf '%s/lib/modules/%s' "$kernel" "$(<"$kernel/release")") || {
        note "without a stock kernel beside it, the lab kernel's drivers cannot be found by the devices' aliases"
        return 0
    }
    awk 'NR == FNR { sub(/.*\//, ""); sub(/\.ko$/, ""); gsub(/-/, "_"); built_in[$0]; next }
         $1 == "alias" && $3 in built_in { printf "%s.alias=%s%c", $3, $2, 0 }' \
        "$modules/modules.builtin" "$stock/modules.alias" | cat "$modules/modules.builtin.modinfo" - >"$folder/modinfo"
    printf '%s\0' 'virtio_vfio_pci.alias=vfio_pci:v00001AF4d00001041sv*sd*bc*sc*i*' >>"$folder/modinfo"
    mv "$folder/modinfo" "$modules/modules.builtin.modinfo"
    depmod -b "$folder" "$release"
    : >"$folder/aliases"
}

# prepare_kernel stock|older|lab|debug: sets `kernel` to the folder that holds it.
prepare_kernel() {
    case $1 in
        stock | older) prepare_debian_kernel "$1" ;;
        lab | debug)
            kernel=$(own_kernel_folder "$1")
            [[ -e $kernel/release ]] || with_lock "$1-kernel" build_own_kernel "$1" "$kernel"
            [[ -e $kernel/aliases ]] || with_lock "$1-kernel" add_builtin_aliases "$kernel"
            ;;
        *) die_usage "unknown kernel $1: stock, older, lab or debug" ;;
    esac
}
