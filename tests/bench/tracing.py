"""What the kernel counts while a machine runs: kprobes, events, and the time from a program's start to its guest's."""
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path("/sys/kernel/tracing")
# What the kernel's own events count, and the field that their histogram needs: exits to user space, and all.
EVENTS = {"exits": ("events/kvm/kvm_userspace_exit", "reason"), "all exits": ("events/kvm/kvm_exit", "exit_reason")}
PATIENCE = 300  # seconds without an end are a failure


def _write(name, text, mode="w"):
    with open(ROOT / name, mode) as file:
        file.write(text)


def prepare(probes):
    """Counters of kernel functions, as kprobes of the same names."""
    _write("trace_clock", "mono")
    _write("kprobe_events", "".join(f"p:{name} {name}\n" for name in probes))
    for name in probes:
        _write(f"events/kprobes/{name}/trigger", f"hist:keys=common_type\n")


def finish():
    _write("events/enable", "0")
    for trigger in ROOT.glob("events/kprobes/*/trigger"):
        _write(trigger.relative_to(ROOT), "!hist:keys=common_type")
    _write("kprobe_events", "")


def _hits(folder):
    text = (ROOT / folder / "hist").read_text()
    return int(re.search(r"Hits: (\d+)", text).group(1)) if "Hits:" in text else 0


class Counters:
    """Differences of kprobes since it was made, and of the named EVENTS."""

    def __init__(self, probes, events=()):
        self.probes, self.events = probes, events
        for name in events:
            folder, key = EVENTS[name]
            _write(f"{folder}/trigger", f"hist:keys={key}")
        self.before = {name: _hits(f"events/kprobes/{name}") for name in probes}

    def read(self):
        found = {name: _hits(f"events/kprobes/{name}") - self.before[name] for name in self.probes}
        return found | {name: _hits(EVENTS[name][0]) for name in self.events}

    def close(self):
        for name in self.events:
            folder, key = EVENTS[name]
            _write(f"{folder}/trigger", f"!hist:keys={key}")


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def until(process, condition, what):
    stop = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None:
            raise SystemExit(f"{process.args}: ended with {process.returncode} before {what}")
        if time.monotonic() > stop:
            end(process)
            raise SystemExit(f"{process.args}: waited in vain for {what}")
        time.sleep(0.02)


def milliseconds_to_guest(command):
    """From execve to the first entry of a guest, by the kernel's own events; the machine is ended then."""
    _write("trace", "")
    for event in ("sched/sched_process_exec", "kvm/kvm_entry"):
        _write(f"events/{event}/enable", "1")
    # The first entry is enough: thousands more would only cost time.
    _write("events/kvm/kvm_entry/trigger", "traceoff:1")
    _write("tracing_on", "1")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(process, lambda: (ROOT / "tracing_on").read_text().strip() == "0", "its guest")
    end(process)
    text = (ROOT / "trace").read_text()
    for event in ("sched/sched_process_exec", "kvm/kvm_entry"):
        _write(f"events/{event}/enable", "0")
    _write("events/kvm/kvm_entry/trigger", "!traceoff:1")
    _write("tracing_on", "1")
    start = re.search(rf"([\d.]+): sched_process_exec: .* pid={process.pid} ", text)
    entry = re.search(r"([\d.]+): kvm_entry:", text)
    if not start or not entry:
        raise SystemExit(f"{command}: the trace holds no start or no entry")
    return 1000 * (float(entry.group(1)) - float(start.group(1)))
