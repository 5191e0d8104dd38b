#include "sriov/step.h"

#include <fmt/format.h>

#include <cerrno>

#include "sysfs/assignment/identity_tree.h"

namespace sriov {
namespace {

// What a driver's refusal of an attribute means (rtnetlink calls ndo_set_vf_*).
base::Error Explain(base::Error error, const LinkChange& change) {
  const std::string what =
      fmt::format("{}: function {}: {}", change.interface, change.index, Format(change.to));
  switch (error.err()) {
    case EOPNOTSUPP:
      return base::Error(base::Code::kUnsupported,
                         what + ": this card's driver cannot set that for a virtual function",
                         EOPNOTSUPP);
    case EINVAL:
      return base::Error(base::Code::kKernel, what + ": the card's driver refuses this value",
                         EINVAL)
          .WithHint(
              "rates need a link and end at its speed; dmesg | tail shows the driver's words");
    case EPERM:
      return std::move(error).With(what).WithCode(base::Code::kDenied);
    default:
      return std::move(error).With(what);
  }
}

struct PerformStep {
  Doer& doer;

  base::Status operator()(const sysfs::Change& change) const {
    return sysfs::Apply(doer.tree, {change}, doer.options);
  }
  base::Status operator()(const LinkChange& change) const {
    if (doer.links == nullptr) return base::Fail(base::Code::kInternal, "no way to the card");
    const base::Status status = doer.links->Write(change.interface, change.index, change.to);
    if (!status) return base::Failure(Explain(status.error(), change));
    return {};
  }
  base::Status operator()(const NvmeChange& change) const {
    if (doer.nvme == nullptr) return base::Fail(base::Code::kInternal, "no way to the drive");
    const base::Status status = doer.nvme->Manage(change.command);
    if (!status) return base::Failure(base::Error(status.error()).With(change.reason));
    return {};
  }
};

struct Command {
  std::string operator()(const sysfs::Change& change) const { return Format(change.write); }
  std::string operator()(const LinkChange& change) const {
    return fmt::format("ip link set {} vf {} {}", change.interface, change.index,
                       Format(change.to));
  }
  std::string operator()(const NvmeChange& change) const {
    return Format(change.command, "/dev/" + change.controller);
  }
};

}  // namespace

base::Status Perform(Doer& doer, const Steps& steps) {
  for (const Step& step : steps) {
    if (doer.card != nullptr) TRY(sysfs::CheckCard(doer.tree, *doer.card));
    TRY(std::visit(PerformStep{doer}, step));
  }
  return {};
}

std::string CommandOf(const Step& step) { return std::visit(Command{}, step); }

const std::string& ReasonOf(const Step& step) {
  return std::visit([](const auto& one) -> const std::string& { return one.reason; }, step);
}

std::string Format(const Steps& steps) {
  std::string text;
  for (const Step& step : steps) text += fmt::format("{}  # {}\n", CommandOf(step), ReasonOf(step));
  return text;
}

}  // namespace sriov
