"""A small Linux guest for the benchmarks: busybox, the modules that it needs, and one script as init."""
import lzma
import os
import pathlib
import subprocess

KERNEL = f"/boot/vmlinuz-{os.uname().release}"
# Of vmm's own default, so that both machines boot the same.
COMMAND_LINE = "console=ttyS0 loglevel=5 panic=-1 random.trust_cpu=on cryptomgr.notests"
DEVICES = [("dev/console", 5, 1), ("dev/null", 1, 3)]


def _entry(number, name, mode, data=b"", major=0, minor=0):
    """One file of a cpio archive in its "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def _modules(names):
    files = []
    for name in names:
        shown = subprocess.run(["modprobe", "--show-depends", name], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            word, _, path = line.partition(" ")
            if word == "insmod" and path.split()[0] not in files:
                files.append(path.split()[0])
    return files


def initrd(path, script, modules=()):
    """Writes the archive: init loads the modules in their order, then runs the script."""
    entries = [(folder, 0o40755, b"", 0, 0) for folder in ("dev", "proc", "sys", "bin", "m")]
    entries += [(name, 0o20600, b"", major, minor) for name, major, minor in DEVICES]
    entries.append(("bin/busybox", 0o100755, pathlib.Path("/bin/busybox").read_bytes(), 0, 0))
    names = []
    for file in _modules(modules):
        data = pathlib.Path(file).read_bytes()
        name = f"m/{pathlib.Path(file).name.removesuffix('.xz')}"
        entries.append((name, 0o100644, lzma.decompress(data) if file.endswith(".xz") else data, 0, 0))
        names.append(f"/{name}")
    init = ["#!/bin/busybox sh", "/bin/busybox --install -s /bin", "mount -t proc none /proc", "mount -t sysfs none /sys",
            "mount -t devtmpfs none /dev", *(f"insmod {name}" for name in names), script]
    entries.append(("init", 0o100755, "\n".join(init).encode() + b"\n", 0, 0))
    archive = b"".join(_entry(number, *entry) for number, entry in enumerate(entries, 1))
    pathlib.Path(path).write_bytes(archive + _entry(0, "TRAILER!!!", 0))
