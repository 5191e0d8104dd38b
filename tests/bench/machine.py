"""vmm's machines and QEMU's, and what the benchmarks measure of both: calls, counts of a life, times in pairs, tables."""
import pathlib
import re
import statistics
import subprocess
import tempfile

import guest
import tracing

PROBES = ["pcie_flr", "kvm_set_irq_routing", "vfio_pci_set_irqs_ioctl"]
ROUNDS = 5
DRIVE = "0000:08:00.0"
scratch = pathlib.Path(tempfile.mkdtemp())


def ours(devices=(), memory="512M", cpus=1, more=()):
    command = ["vmm", "run", "--memory", memory, "--cpus", str(cpus), "--kernel", guest.KERNEL, "--console", str(scratch / "console")]
    for device in devices:
        command += ["--assign", device]
    return command + list(more)


def theirs(devices=(), memory="512M", cpus=1, machine="q35", more=()):
    command = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-machine", machine, "-m", memory, "-smp", str(cpus),
               "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{scratch / 'console'}",
               "-kernel", guest.KERNEL, "-append", guest.COMMAND_LINE]
    for device in devices:
        command += ["-device", f"vfio-pci,host={device}"]
    return command + list(more)


def pairs(one, other, rounds=ROUNDS):
    """Medians of both, and the median of the ratios of the pairs."""
    times = [(tracing.milliseconds_to_guest(one), tracing.milliseconds_to_guest(other)) for _ in range(rounds)]
    return (statistics.median(time[0] for time in times), statistics.median(time[1] for time in times),
            statistics.median(time[0] / time[1] for time in times))


def calls(command):
    """System calls, ioctls and DMA maps before the first KVM_RUN, by strace."""
    log = scratch / "strace"
    log.write_text("")
    process = subprocess.Popen(["strace", "-f", "-o", str(log), *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    tracing.until(process, lambda: "KVM_RUN" in log.read_text(errors="replace"), "its guest")
    subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
    process.wait()
    lines = log.read_text(errors="replace").split(", KVM_RUN")[0].splitlines()
    made = [line for line in lines if re.match(r"\d+ +[a-z0-9_]+\(", line)]
    ioctls = [line for line in made if re.match(r"\d+ +ioctl\(", line)]
    return len(made), len(ioctls), sum("VFIO_IOMMU_MAP_DMA" in line for line in ioctls)


def life(command, counters=(), events=("exits",), look=None):
    """The counts when the guest says that it is ready: events of the host, and `counters` that it prints itself ("name 12"); `look`
    is given the program's process then."""
    (scratch / "console").write_text("")
    count = tracing.Counters(PROBES, events)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tracing.until(process, lambda: b"guest ready" in (scratch / "console").read_bytes(), "its guest's init")
    found = count.read()
    if look:
        found |= look(process.pid)
    tracing.end(process)
    count.close()
    text = (scratch / "console").read_text(errors="replace")
    for name in counters:
        found[name] = int(re.search(rf"{name} (\d+)", text).group(1))
    return found


def head(*columns):
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def row(*cells):
    print(f"| {' | '.join(str(cell) for cell in cells)} |")


def boot_image(script, modules=()):
    path = scratch / "initrd"
    guest.initrd(path, script + '\necho "guest ready" >/dev/console\nwhile :; do sleep 1000; done', modules)
    return str(path)


def vassign(*words):
    subprocess.run(["vassign", *words], check=True, stdout=subprocess.DEVNULL)


def run(benches, probes, names, usage):
    """The benches of these names in turn, each a table with an empty line behind it."""
    if not names or not set(names) <= benches.keys():
        raise SystemExit(usage)
    subprocess.run(["modprobe", "-a", "kvm", "vfio-pci", "vfio_iommu_type1"], check=True)
    subprocess.run(["modprobe", "-a", "kvm-amd"], check=False)
    tracing.prepare(probes)
    try:
        for name in names:
            benches[name]()
            print(flush=True)
    finally:
        tracing.finish()
