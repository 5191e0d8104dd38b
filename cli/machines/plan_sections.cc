#include "cli/machines/plan_sections.h"

#include <fmt/format.h>

#include <array>

#include "cli/report.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using vmm::MachinePreview;
using vmm::Options;

std::string SizeOr(const std::optional<uint64_t>& bytes) {
  return bytes ? base::FormatSize(*bytes) : "unknown";
}

}  // namespace

void AddFallback(Page& page, const vmm::Fallback& fallback) {
  page.Section(fmt::format("Device {}, served by virtio", fallback.host.ToString()));
  page.Line("not assigned", fallback.why.message(), Style::kWarning);
  if (!fallback.why.hint().empty()) page.Line("cure", fallback.why.hint());
  page.Line("instead", fallback.instead);
  page.Line("meaning", fallback.means);
}

Json FallbacksJson(const Options& options) {
  Json all = Json::array();
  for (const vmm::Fallback& one : options.fallbacks) {
    all.push_back({{"bdf", one.host.ToString()},
                   {"id", one.id},
                   {"kind", one.kind == vmm::FallbackKind::kDisk ? "disk" : "net"},
                   {"why", ErrorJson(one.why)},
                   {"instead", one.instead},
                   {"means", one.means}});
  }
  return all;
}

void AddHostMemory(Page& page, const Options& options, const MachinePreview& preview) {
  const vmm::HostMemory& host = *preview.host_memory;
  page.Section("Host memory");
  const std::string_view when = vmm::IsReserved(options.pages) ? "in reserved pages from the start"
                                : !options.assign.empty()      ? "resident from the start, pinned"
                                : options.mergeable
                                    ? "as the guest uses it, merged where equal (KSM)"
                                    : "as the guest uses it";
  page.Line("guest RAM", fmt::format("{}, {}", base::FormatSize(options.memory_bytes), when));
  page.Line("available", SizeOr(host.available));
  constexpr std::array kModes = {"refused only when absurd", "never refused",
                                 "refused beyond this"};
  page.Line("promised", fmt::format("{} of {}; vm.overcommit_memory: {}", SizeOr(host.committed),
                                    SizeOr(host.commit_limit),
                                    host.overcommit ? kModes.at(*host.overcommit) : "unknown"));
  if (host.machines > 0) {
    page.Line("others", fmt::format("{} with a name: {}, of which {} are unused", host.machines,
                                    base::FormatSize(host.machines_bytes),
                                    base::FormatSize(host.machines_unused)));
  }
  page.Line("control group", host.group_limit ? fmt::format("{}: {} used of {}", host.group,
                                                            base::FormatSize(host.group_used),
                                                            base::FormatSize(*host.group_limit))
                                              : "no limit");
  for (const std::string& remark : preview.memory_verdict.remarks) {
    page.Line("note", remark, Style::kWarning);
  }
}

Json HostMemoryJson(const Options& options, const MachinePreview& preview) {
  if (!preview.host_memory) return nullptr;
  const vmm::HostMemory& host = *preview.host_memory;
  const auto value = [](const auto& one) { return one ? Json(*one) : Json(nullptr); };
  return {{"mergeable", options.mergeable},
          {"resident", !options.assign.empty() || vmm::IsReserved(options.pages)},
          {"available", value(host.available)},
          {"commit_limit", value(host.commit_limit)},
          {"committed", value(host.committed)},
          {"overcommit_memory", value(host.overcommit)},
          {"machines", host.machines},
          {"machines_bytes", host.machines_bytes},
          {"machines_unused", host.machines_unused},
          {"cgroup", host.group_limit ? Json(host.group) : Json(nullptr)},
          {"cgroup_limit", value(host.group_limit)},
          {"cgroup_used", host.group_limit ? Json(host.group_used) : Json(nullptr)},
          {"ksm_runs", value(host.merging)},
          {"missing", preview.memory_verdict.missing},
          {"cgroup_missing", preview.memory_verdict.group_missing},
          {"remarks", preview.memory_verdict.remarks}};
}

void AddDescriptors(Page& page, const MachinePreview& preview) {
  const auto [soft, hard] = preview.descriptor_limit;
  page.Section("Open files");
  page.Line("needed", fmt::format("at most {}", preview.most_descriptors));
  page.Line("limit",
            soft < hard ? fmt::format("{}, is raised to {}", soft, hard) : fmt::format("{}", soft));
  if (hard >= preview.most_descriptors) return;
  page.Line("note",
            fmt::format("a device may get fewer interrupt vectors than its driver asks for; "
                        "LimitNOFILE={} in the systemd unit raises the limit",
                        preview.most_descriptors),
            Style::kWarning);
}

Json DescriptorsJson(const MachinePreview& preview) {
  if (!preview.plan) return nullptr;
  return {{"most", preview.most_descriptors},
          {"soft", preview.descriptor_limit.soft},
          {"hard", preview.descriptor_limit.hard}};
}

}  // namespace cli
