#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "sysfs/base/kernel.h"

namespace cli {
namespace {

bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

unsigned Width() {
  constexpr unsigned kUsual = 80;
  const base::Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  winsize size{};
  const bool has_size =
      base::HostKernel().Ioctl(out, TIOCGWINSZ, &size, "TIOCGWINSZ") && size.ws_col > 0;
  return has_size ? size.ws_col : kUsual;
}

}  // namespace

Terminal StandardOutput() {
  if (::isatty(STDOUT_FILENO) == 0) return {};
  const char* kind = std::getenv("TERM");
  const bool is_dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return {!is_dumb && !IsSet("NO_COLOR"), Width()};
}

bool IsErrorTerminal() { return ::isatty(STDERR_FILENO) != 0; }

}  // namespace cli
