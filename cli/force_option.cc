#include "cli/force_option.h"

#include <fmt/format.h>

namespace cli {
namespace {

constexpr char kOnlyAssigned[] = "--force=assigned gives a device back although a process has it";

}  // namespace

CLI::Option* ForceOption::Add(CLI::App& command) {
  option_ = command
                .add_option("--force", words_,
                            "Override a refusal by its name: mounted, netdev, ssh, console, group, "
                            "no-reset, foreign")
                ->type_name("REASON")
                ->expected(0, 1)
                ->take_all()
                ->allow_extra_args(false);
  return option_;
}

void ForceOption::AddAssigned(CLI::App& command) {
  is_assigned_only_ = true;
  option_ = command
                .add_option("--force", words_,
                            "assigned: ask the process that has the device to let go, and wait "
                            "for it")
                ->type_name("assigned")
                ->expected(0, 1)
                ->take_all()
                ->allow_extra_args(false);
}

base::Result<sysfs::ForceSet> ForceOption::Parse() const {
  sysfs::ForceSet all;
  const bool is_bare = option_ != nullptr && option_->count() > 0 && words_.empty();
  if (is_bare && is_assigned_only_)
    return base::Fail(base::Code::kUsage, "--force: a reason is missing", kOnlyAssigned);
  if (is_bare) return sysfs::ParseForce("");
  for (const std::string& text : words_) {
    auto reasons = sysfs::ParseForce(text);
    if (!reasons && is_assigned_only_)
      return base::Failure(std::move(reasons.error()).WithHint(kOnlyAssigned));
    for (const sysfs::ForceReason reason : TRY(std::move(reasons))) all.insert(reason);
  }
  for (const sysfs::ForceReason reason : all) {
    if (is_assigned_only_ && reason != sysfs::ForceReason::kAssigned) {
      return base::Fail(
          base::Code::kUsage,
          fmt::format("--force={}: nothing to override here, a device is given back", Name(reason)),
          kOnlyAssigned);
    }
  }
  return all;
}

}  // namespace cli
