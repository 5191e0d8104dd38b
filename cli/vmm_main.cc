// `vmm` on the running host.
#include <csignal>
#include <iostream>

#include "cli/vmm.h"

int main(int argc, char** argv) {
  // As in vassign_main.cc.
  std::signal(SIGCHLD, SIG_DFL);
  cli::Context context(sysfs::HostTree(), std::cout, std::cerr);
  return cli::RunVmm(argc, argv, context);
}
