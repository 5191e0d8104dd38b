// `vmm` on the running host.
#include <iostream>

#include "cli/vmm.h"

int main(int argc, char** argv) {
  cli::Context context(sysfs::HostTree(), std::cout, std::cerr);
  return cli::RunVmm(argc, argv, context);
}
