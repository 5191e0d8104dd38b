#include "vmm/preview/host_memory.h"

#include <fmt/format.h>

#include <string_view>

#include "sysfs/base/text.h"

namespace vmm {
namespace {

constexpr unsigned kNever = 2;

// "MemAvailable:    1234 kB".
std::optional<uint64_t> Field(std::string_view text, std::string_view name) {
  for (std::string_view line : base::Split(text, '\n')) {
    if (!line.starts_with(name) || line.substr(name.size()).substr(0, 1) != ":") continue;
    line.remove_prefix(name.size() + 1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    const auto number = base::ParseDecimal(line.substr(0, line.find(' ')), UINT64_MAX / 1024);
    return number ? std::optional<uint64_t>(*number * 1024) : std::nullopt;
  }
  return std::nullopt;
}

uint64_t Less(uint64_t one, uint64_t other) { return one > other ? one - other : 0; }

// "0::/user.slice/..." of cgroup v2.
std::string OwnGroup(const sysfs::Tree& tree) {
  const std::string text = sysfs::ReadText(tree, "/proc/self/cgroup").value_or("");
  for (const std::string_view line : base::Split(text, '\n')) {
    if (line.starts_with("0::/")) return std::string(line.substr(3));
  }
  return {};
}

void ReadGroups(const sysfs::Tree& tree, HostMemory& host) {
  for (std::string group = OwnGroup(tree); group.size() > 1;
       group.resize(group.find_last_of('/'))) {
    const std::string folder = "/sys/fs/cgroup" + group;
    const auto limit = sysfs::ReadDecimal(tree, folder + "/memory.max");  // or "max"
    if (!limit) continue;
    const uint64_t used = sysfs::ReadDecimal(tree, folder + "/memory.current").value_or(0);
    if (host.group_limit && Less(*limit, used) >= Less(*host.group_limit, host.group_used)) {
      continue;
    }
    host.group = group;
    host.group_limit = limit;
    host.group_used = used;
  }
}

// What a process has of the host's memory, in whichever pages; nothing when it has ended.
std::optional<uint64_t> InUse(const sysfs::Tree& tree, int pid) {
  const std::string text = sysfs::ReadText(tree, fmt::format("/proc/{}/status", pid)).value_or("");
  const auto resident = Field(text, "VmRSS");
  if (!resident) return std::nullopt;
  return *resident + Field(text, "HugetlbPages").value_or(0);
}

void ReadOthers(const sysfs::Tree& tree, std::span<const OtherMachine> others, HostMemory& host) {
  for (const OtherMachine& one : others) {
    const auto used = InUse(tree, one.pid);
    if (!used) continue;
    ++host.machines;
    host.machines_bytes += one.bytes;
    host.machines_unused += Less(one.bytes, *used);
  }
}

}  // namespace

HostMemory ReadHostMemory(const sysfs::Tree& tree, std::span<const OtherMachine> others) {
  HostMemory host;
  const std::string text = sysfs::ReadText(tree, "/proc/meminfo").value_or("");
  host.available = Field(text, "MemAvailable");
  host.commit_limit = Field(text, "CommitLimit");
  host.committed = Field(text, "Committed_AS");
  const auto mode = sysfs::ReadDecimal(tree, "/proc/sys/vm/overcommit_memory");
  if (mode && *mode <= kNever) host.overcommit = static_cast<unsigned>(*mode);
  ReadGroups(tree, host);
  if (const auto run = sysfs::ReadDecimal(tree, "/sys/kernel/mm/ksm/run")) host.merging = *run == 1;
  ReadOthers(tree, others, host);
  return host;
}

MemoryVerdict JudgeMemory(const HostMemory& host, const MemoryWish& wish) {
  MemoryVerdict verdict;
  if (wish.bytes == 0) return verdict;
  const std::string when =
      wish.resident ? "at the start, which makes all of it resident" : "when the guest uses it";
  const uint64_t alone = host.available ? Less(wish.bytes, *host.available) : 0;
  if (host.available) {
    verdict.missing = Less(wish.bytes, Less(*host.available, host.machines_unused));
  }
  if (verdict.missing > 0) {
    verdict.remarks.push_back(
        fmt::format("overcommitted by {}: the host swaps or ends a process {}",
                    base::FormatSize(verdict.missing),
                    alone > 0 ? when : "when the other machines use all of theirs"));
  }
  if (host.group_limit) {
    verdict.group_missing = Less(wish.bytes, Less(*host.group_limit, host.group_used));
  }
  if (verdict.group_missing > 0) {
    verdict.remarks.push_back(
        fmt::format("{} more than its control group leaves: the kernel ends the "
                    "machine {}",
                    base::FormatSize(verdict.group_missing), when));
  }
  if (host.overcommit == kNever && host.commit_limit && host.committed) {
    const uint64_t left = Less(*host.commit_limit, *host.committed);
    if (wish.bytes > left) {
      verdict.refused =
          base::Error(base::Code::kKernel,
                      fmt::format("guest RAM of {}: the kernel promises {} more "
                                  "(vm.overcommit_memory is 2)",
                                  base::FormatSize(wish.bytes), base::FormatSize(left)))
              .WithHint(
                  "give the machine less --memory, or raise "
                  "vm.overcommit_ratio");
    }
  }
  if (wish.mergeable && host.merging == false) {
    verdict.remarks.emplace_back(
        "nothing is merged while KSM does not run: echo 1 > "
        "/sys/kernel/mm/ksm/run");
  }
  return verdict;
}

}  // namespace vmm
