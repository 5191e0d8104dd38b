// `vassign` on the running host.
#include <csignal>
#include <iostream>

#include "cli/devices/use_marks.h"
#include "cli/terminal.h"
#include "cli/vassign.h"
#include "sysfs/evidence/evidence.h"

int main(int argc, char** argv) {
  // Whoever started us may ignore it, and then nobody could wait for our own processes (wait(2)).
  std::signal(SIGCHLD, SIG_DFL);
  std::ios::sync_with_stdio(false);
  cli::Context context(sysfs::HostTree(), std::cout, std::cerr);
  const cli::Terminal terminal = cli::StandardOutput();
  context.colour = terminal.colour;
  context.width = terminal.width;
  context.progress = cli::IsErrorTerminal();
  context.use_marks = cli::HostUseMarks(*context.tree);
  context.close_look = cli::HostCloseLook(*context.tree);
  context.device_number = sysfs::HostSources().device_number;
  return cli::RunVassign(argc, argv, context);
}
