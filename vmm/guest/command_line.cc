#include "vmm/guest/command_line.h"

namespace vmm::guest {

std::string DefaultCommandLine(std::string_view console, bool exec, std::string_view append) {
  std::string line = "console=" + std::string(console);
  const auto add = [&](std::string_view option) {
    if (!option.empty()) line.append(" ").append(option);
  };
  // Warnings and worse: each line on a serial port costs an exit a character.
  add("loglevel=5");
  // A panic is a reset at once, which the monitor sees; without it the guest would hang.
  add("panic=-1");
  // The CPU's own random numbers make the first ones ready without waiting for interrupts.
  add("random.trust_cpu=on");
  // No self-tests of ciphers that this guest does not use.
  add("cryptomgr.notests");
  // COM2 to COM4 carry the command's streams, also where the kernel was built for fewer ports.
  if (exec) add("8250.nr_uarts=4");
  add(append);
  return line;
}

}  // namespace vmm::guest
