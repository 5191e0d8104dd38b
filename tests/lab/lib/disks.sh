# The drives' contents, made once per user. Every lab writes into its own throw-away layer above them.
# shellcheck shell=bash

# Raise this when a content below changes.
disks_version=1

# The drive to assign: 256 MiB, of which the first 64 MiB are the byte stream SHAKE-128("vassign lab").
make_known_drive() {
    local folder=$1
    python3 - "$folder/known.img" <<'PYTHON'
import hashlib
import os
import sys

with open(sys.argv[1], "wb") as image:
    image.write(hashlib.shake_128(b"vassign lab").digest(64 << 20))
    os.truncate(image.fileno(), 256 << 20)
PYTHON
    # In the form that sha256sum -c takes: `head -c 8M /dev/nvme0n1 | sha256sum -c /run/lab/nvme.sha256`.
    head -c 8M "$folder/known.img" | sha256sum >"$folder/nvme.sha256"
}

# The host's own drive: 256 MiB, one partition of type Linux from 1 MiB on, an ext4 file system in it.
make_data_drive() {
    local image=$1/data.img start=2048 sectors=$(((256 << 11) - 2048)) entry
    truncate -s 256M "$image"
    mkfs.ext4 -q -F -L lab-data -E offset=$((start * 512)),nodiscard "$image" $((sectors / 2))k
    # The partition table: status, CHS (unused), type, CHS (unused), first sector, number of sectors; then the signature.
    entry=$(printf '\\x%02x' 0 0xfe 0xff 0xff 0x83 0xfe 0xff 0xff \
        $((start & 255)) $((start >> 8 & 255)) $((start >> 16 & 255)) $((start >> 24)) \
        $((sectors & 255)) $((sectors >> 8 & 255)) $((sectors >> 16 & 255)) $((sectors >> 24)))
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$entry" | dd of="$image" bs=1 seek=446 conv=notrunc status=none
    printf '\x55\xaa' | dd of="$image" bs=1 seek=510 conv=notrunc status=none
}

make_disks() {
    local folder=$1
    [[ -e $folder/data.img ]] && return
    need_commands python3 mkfs.ext4 sha256sum
    new_folder "$folder.new"
    make_known_drive "$folder.new"
    make_data_drive "$folder.new"
    mv "$folder.new" "$folder"
}

# Prints the folder with known.img, nvme.sha256 and data.img.
disks_folder() {
    local folder=$lab_cache/disks-$disks_version
    [[ -e $folder/data.img ]] || with_lock disks make_disks "$folder"
    printf '%s\n' "$folder"
}
