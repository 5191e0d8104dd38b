// The attributes of one virtual function (sriov/change.h).
#include <fmt/format.h>

#include <utility>

#include "sriov/change.h"
#include "sriov/session.h"

namespace sriov {
namespace {

std::string NameOf(const PhysicalFunction& pf, unsigned index) {
  return fmt::format("{}#{}", pf.device.address.ToString(), index);
}

// The two rates are set together.
VfAttributes WantedOf(const VfRequest& request, const VirtualFunction& function) {
  VfAttributes wanted = request.attributes;
  if (request.min_rate || request.max_rate) {
    Rates rates = function.attributes.rates.value_or(Rates());
    rates.min = request.min_rate.value_or(rates.min);
    rates.max = request.max_rate.value_or(rates.max);
    wanted.rates = rates;
  }
  return wanted;
}

base::Status CheckAttributes(const PhysicalFunction& pf, unsigned index,
                             const VfAttributes& wanted) {
  if (wanted == VfAttributes()) return {};
  if (pf.interface.empty()) {
    return base::Fail(base::Code::kUnsupported,
                      NameOf(pf, index) +
                          ": its physical function has no network interface here, and these are "
                          "settings of network functions",
                      "vassign show " + pf.device.address.ToString());
  }
  if (wanted.rates && wanted.rates->max != 0 && wanted.rates->min > wanted.rates->max) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{}: the least rate ({} Mbit/s) is above the highest ({})",
                                  NameOf(pf, index), wanted.rates->min, wanted.rates->max));
  }
  return {};
}

base::Status CheckMsix(const sysfs::Tree& tree, const PhysicalFunction& pf,
                       const VirtualFunction& function, const std::optional<unsigned>& count) {
  if (!count || function.msix_count == count) return {};
  const std::string name = NameOf(pf, function.index);
  if (!tree.Exists(function.device.path() + "/sriov_vf_msix_count") ||
      pf.msix_total.value_or(0) == 0) {
    return base::Fail(base::Code::kUnsupported,
                      name + ": its number of MSI-X vectors cannot be changed",
                      "the physical function's driver has to have some to share "
                      "(sriov_vf_total_msix)");
  }
  if (*count > *pf.msix_total) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{}: {} MSI-X vectors are more than its physical function has to "
                                  "share ({})",
                                  name, *count, *pf.msix_total));
  }
  if (!function.device.driver) return {};
  return base::Fail(base::Code::kInUse,
                    fmt::format("{}: {} drives it, and the number of MSI-X vectors changes only "
                                "without a driver",
                                name, *function.device.driver),
                    "vassign sriov set " + pf.device.address.ToString() + " " +
                        std::to_string(pf.count) + " --driver none");
}

base::Result<Steps> StepsFor(const sysfs::Tree& tree, const PhysicalFunction& pf,
                             const VfRequest& request) {
  if (request.index >= pf.functions.size()) {
    return base::Fail(base::Code::kNotFound,
                      fmt::format("{}: there are {} virtual functions, counted from 0",
                                  NameOf(pf, request.index), pf.functions.size()),
                      "vassign sriov show " + pf.device.address.ToString());
  }
  const VirtualFunction& function = pf.functions[request.index];
  const VfAttributes wanted = WantedOf(request, function);
  TRY(CheckAttributes(pf, request.index, wanted));
  TRY(CheckMsix(tree, pf, function, request.msix_count));
  Steps steps;
  if (request.msix_count) steps = PlanMsix(pf, request.index, *request.msix_count);
  const Steps attributes = PlanAttributes(pf, request.index, wanted, "as asked for");
  steps.insert(steps.end(), attributes.begin(), attributes.end());
  return steps;
}

// What the kernel reports afterwards; a driver that does not report a value is believed.
base::Status Verify(const PhysicalFunction& pf, const VfRequest& request,
                    const VirtualFunction& before) {
  const VfAttributes& now = pf.functions.at(request.index).attributes;
  VfAttributes different = Difference(WantedOf(request, before), now);
  if (!now.mac) different.mac.reset();
  if (!now.vlan) different.vlan.reset();
  if (!now.trust) different.trust.reset();
  if (!now.spoof_check) different.spoof_check.reset();
  if (!now.rates) different.rates.reset();
  if (!now.link) different.link.reset();
  if (different == VfAttributes()) return {};
  return base::Fail(base::Code::kKernel,
                    fmt::format("{}: the card's driver accepted \"{}\" and does not show it",
                                NameOf(pf, request.index), Format(different)),
                    "vassign sriov show " + pf.device.address.ToString());
}

// As before, from whatever an attribute that was refused left behind.
base::Failure PutBack(Session& session, const VirtualFunction& before, base::Error cause) {
  const auto now = session.Read();
  base::Status undone;
  if (!now) {
    undone = base::Failure(now.error());
  } else {
    Steps steps = PlanAttributes(*now, before.index, before.attributes, "as it was");
    if (before.msix_count) {
      const Steps msix = PlanMsix(*now, before.index, *before.msix_count);
      steps.insert(steps.end(), msix.begin(), msix.end());
    }
    undone = session.Perform(steps);
  }
  const std::string end =
      undone ? "; the former settings were put back"
             : "; putting the former settings back failed too: " + undone.error().message();
  return base::Failure(
      base::Error(cause.code(), cause.message() + end, cause.err()).WithHint(cause.hint()));
}

std::vector<std::string> NotesOn(const VirtualFunction& before, const VirtualFunction& after) {
  if (before.attributes.mac == after.attributes.mac || !after.device.driver) return {};
  return {
      fmt::format("{} has its driver ({}) already and learns its new address when that starts "
                  "again",
                  after.device.address.ToString(), *after.device.driver)};
}

}  // namespace

base::Result<VfPlan> PlanVf(Host& host, const VfRequest& request) {
  TRY(sysfs::CheckIdle(host.assignment, {request.pf}));
  Session session(host, request.pf);
  PhysicalFunction pf = TRY(session.Read());
  Steps steps = TRY(StepsFor(host.assignment.tree, pf, request));
  return VfPlan{std::move(pf), std::move(steps)};
}

base::Result<Outcome> SetVf(Host& host, const VfRequest& request) {
  const sysfs::Journal& journal = host.assignment.journal;
  Session session(host, request.pf);
  TRY(session.Lock(0));
  PhysicalFunction pf = TRY(session.Read());
  const Steps steps = TRY(StepsFor(host.assignment.tree, pf, request));
  if (steps.empty()) return Outcome{pf, pf, false, {}};
  const auto record = TRY(FindRecord(journal, request.pf));
  if (record) TRY(CheckRecord(journal, *record, pf.device));
  if (!record) TRY(StoreRecord(journal, MakeRecord(pf, journal.boot_id())));
  const VirtualFunction before = pf.functions.at(request.index);
  base::Status status = session.Perform(steps);
  if (!status && status.error().code() == base::Code::kTimedOut)
    return base::Failure(status.error());
  PhysicalFunction after = TRY(session.Read());
  if (status) status = Verify(after, request, before);
  if (!status) {
    auto failure = PutBack(session, before, std::move(status.error()));
    const auto now = session.Read();
    const bool is_as_before =
        now && now->functions.at(request.index).attributes == before.attributes;
    if (!record && is_as_before) (void)RemoveRecord(journal, request.pf);
    return failure;
  }
  Outcome outcome = {std::move(pf), std::move(after), true, {}};
  outcome.notes = NotesOn(before, outcome.after.functions.at(request.index));
  return outcome;
}

}  // namespace sriov
