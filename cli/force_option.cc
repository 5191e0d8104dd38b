#include "cli/force_option.h"

namespace cli {

void ForceOption::Add(CLI::App& command) {
  option_ = command
                .add_option("--force", words_,
                            "Override a refusal by its name: mounted, netdev, ssh, console, group, "
                            "no-reset, foreign")
                ->type_name("REASON")
                ->expected(0, 1)
                ->take_all();
}

base::Result<sysfs::ForceSet> ForceOption::Parse() const {
  sysfs::ForceSet all;
  const bool is_bare = option_ != nullptr && option_->count() > 0 && words_.empty();
  if (is_bare) return sysfs::ParseForce("");
  for (const std::string& text : words_) {
    for (const sysfs::ForceReason reason : TRY(sysfs::ParseForce(text))) all.insert(reason);
  }
  return all;
}

}  // namespace cli
