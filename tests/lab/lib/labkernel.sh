# The kernels that are built here: the lab kernel, from Debian's kernel source and the options in kernel/options, and the debug kernel,
# which is the same with kernel/debug-options too. Cached by both.
# shellcheck shell=bash

lab_kernel_package=linux-source-6.12
declare -A own_kernel_options=([lab]="$lab_dir/kernel/options" [debug]="$lab_dir/kernel/options $lab_dir/kernel/debug-options")
# Raise this when the way of building changes what comes out.
lab_kernel_recipe=2
# Files in the build's log, for the progress shown.
lab_kernel_files=2900

# wanted_options lab|debug: as lines of a .config: NAME=value or "# NAME is not set".
wanted_options() {
    local files
    read -ra files <<<"${own_kernel_options[$1]}"
    sed -E '/^[[:space:]]*(#|$)/d; s/^([A-Z0-9_]+)$/\1=y/; s/^([A-Z0-9_]+)=n$/# CONFIG_\1 is not set/; /^#/!s/^/CONFIG_/' "${files[@]}"
}

# merge_options lab|debug CONFIG: the wanted options in place of whatever CONFIG says about them.
merge_options() {
    local config=$2 names
    names=$(wanted_options "$1" | grep -oE 'CONFIG_[A-Z0-9_]+')
    awk 'NR == FNR { drop[$1]; next }
         { name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name) }
         !(name in drop)' <(printf '%s\n' "$names") "$config" >"$config.merged"
    wanted_options "$1" >>"$config.merged"
    mv "$config.merged" "$config"
}

# verify_options lab|debug CONFIG: fails with the names of the wanted options that CONFIG does not have.
verify_options() {
    local config=$2 line bad=()
    while IFS= read -r line; do
        case $line in
            '# '*)
                line=${line#\# }
                ! grep -q "^${line%% *}=" "$config" || bad+=("${line%% *}=n")
                ;;
            *) grep -qxF -- "$line" "$config" || bad+=("$line") ;;
        esac
    done < <(wanted_options "$1")
    ((${#bad[@]} == 0)) || die "the $1 kernel's configuration did not take: ${bad[*]}"
}

lab_kernel_source_version() {
    local version
    version=$(dpkg-query -W -f '${Version}' "$lab_kernel_package" 2>/dev/null) ||
        die "$lab_kernel_package is not installed; tests/support/packages lab installs it"
    printf '%s\n' "$version"
}

# own_kernel_folder lab|debug: the folder of the cache that holds this configuration of this source.
own_kernel_folder() {
    local version hash
    version=$(lab_kernel_source_version) || exit
    hash=$( (wanted_options "$1" | LC_ALL=C sort; printf '%s\n' "$lab_kernel_recipe") | sha256sum)
    printf '%s/%s-kernel-%s-%s\n' "$lab_cache" "$1" "${version//[^A-Za-z0-9.+-]/_}" "${hash:0:12}"
}

kernel_make() {
    nice -n 10 make -C "$build_tree" ARCH=x86_64 LOCALVERSION=-lab \
        KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_VERSION=1 KBUILD_BUILD_TIMESTAMP='Thu Jan 1 00:00:00 UTC 1970' "$@"
}

# show_progress LOG COMMAND...: runs a build whose output goes to LOG; tells on a terminal how far it is.
show_progress() {
    local log=$1 pid count tick
    shift
    "$@" >>"$log" 2>&1 &
    pid=$!
    helper_pids+=("$pid")
    if [[ -t 2 ]]; then
        exec {tick}<> <(:)
        while kill -0 "$pid" 2>/dev/null; do
            count=$(grep -cE '^  (CC|AS|AR|LD) ' "$log" || true)
            printf '\rlab: kernel: %s of about %s files' "$count" "$lab_kernel_files" >&2
            read -r -t 1 -u "$tick" || true
        done
        exec {tick}>&-
        printf '\n' >&2
    fi
    wait "$pid"
}

# build_own_kernel lab|debug FOLDER: config, vmlinux, bzImage, System.map and lib/modules/RELEASE, complete or not there at all.
build_own_kernel() {
    local folder=$2 log build_tree release
    [[ -e $folder/release ]] && return
    need_commands flex bison bc lz4 gcc make depmod
    note "building the $1 kernel from $lab_kernel_package (about 7 minutes on 2 processors, twice that for debug; once per user)"
    new_folder "$folder.new"
    log="$folder.new/build.log"
    build_tree="$folder.new/$lab_kernel_package"
    tar -C "$folder.new" -xf "/usr/src/$lab_kernel_package.tar.xz"
    kernel_make tinyconfig >>"$log" 2>&1
    merge_options "$1" "$build_tree/.config"
    kernel_make olddefconfig >>"$log" 2>&1
    verify_options "$1" "$build_tree/.config"
    show_progress "$log" kernel_make "-j$(nproc)" vmlinux bzImage modules || {
        tail -n 30 "$log" >&2
        die "the $1 kernel's build failed; its whole log is $log"
    }
    release=$(kernel_make -s kernelrelease)
    kernel_make INSTALL_MOD_PATH="$folder.new" INSTALL_MOD_STRIP=1 modules_install >>"$log" 2>&1
    rm -f "$folder.new/lib/modules/$release/"{build,source}
    cp "$build_tree/.config" "$folder.new/config"
    cp "$build_tree/System.map" "$folder.new/System.map"
    cp "$build_tree/arch/x86/boot/bzImage" "$folder.new/vmlinuz"
    strip --strip-debug -o "$folder.new/vmlinux" "$build_tree/vmlinux"
    rm -rf "$build_tree"
    printf '%s\n' "$release" >"$folder.new/release"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}
