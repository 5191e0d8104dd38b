// `vmm` on the running host.
#include <malloc.h>

#include <csignal>
#include <iostream>

#include "cli/vmm.h"

int main(int argc, char** argv) {
  // As in vassign_main.cc.
  std::signal(SIGCHLD, SIG_DFL);
  // Before any thread: an arena that one leaves behind would be a confined thread's later, and
  // reads /proc/sys/vm when it gives memory back (vmm/confinement/confine.cc).
  ::mallopt(M_ARENA_MAX, 1);
  cli::Context context(sysfs::HostTree(), std::cout, std::cerr);
  return cli::RunVmm(argc, argv, context);
}
