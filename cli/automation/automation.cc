#include "cli/automation/automation.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/automation/files.h"
#include "cli/child.h"
#include "cli/config/pin.h"

namespace cli {
namespace {

constexpr const char* kSystemd = "/run/systemd/system";
constexpr const char* kUdev = "/run/udev/control";

base::Status Tell(const std::vector<std::string>& words) {
  const int status = TRY(RunChild({words, {}}));
  if (status == 0) return {};
  return base::Fail(base::Code::kPartial,
                    fmt::format("{} {} ended with status {}", words[0], words[1], status),
                    "what was installed counts from the next boot on");
}

}  // namespace

base::Result<Rules> RulesOf(const Context& context) {
  auto config = ReadConfig(*context.tree);
  if (!config && config.error().code() != base::Code::kNotFound)
    return base::Failure(std::move(config.error()));
  return MakeRules(config ? *config : Config(), TRY(PinsOf(context).Read()));
}

base::Result<bool> RefreshRules(const Context& context) {
  if (::access(kRulesPath, F_OK) != 0) return false;
  const Rules rules = TRY(RulesOf(context));
  const auto written = TRY(InstallFiles("", {{kRulesPath, rules.udev}}));
  return !written.empty();
}

base::Status FollowPins(const Context& context) {
  if (context.assignment_host) return {};  // a host of a test has no rules
  if (TRY(RefreshRules(context))) TRY(ReloadDaemons());
  return {};
}

base::Status ReloadDaemons() {
  if (::access(kSystemd, F_OK) == 0) TRY(Tell({"systemctl", "daemon-reload"}));
  if (::access(kUdev, F_OK) == 0) TRY(Tell({"udevadm", "control", "--reload"}));
  return {};
}

}  // namespace cli
