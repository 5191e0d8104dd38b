#include "vmm/preview/cost.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/address.h"
#include "sysfs/base/text.h"
#include "sysfs/capability.h"

namespace vmm {
namespace {

constexpr double kClearBytesPerSecond = 4.0 * static_cast<double>(base::kGiB);
constexpr double kPin4K = 0.06e-6;
constexpr double kPin2M = 3.3e-6;
constexpr double kPin1G = 600e-6;
// Of 256, the kernel keeps some 50 for exceptions and for itself (arch/x86/include/asm/
// irq_vectors.h).
constexpr uint64_t kVectorsOfAProcessor = 200;
constexpr size_t kConfigBytes = 256;
constexpr size_t kInterruptPin = 0x3d;

std::optional<uint64_t> FreeInDebugfs(const sysfs::Tree& tree) {
  const auto text = sysfs::ReadText(tree, "/sys/kernel/debug/irq/domains/VECTOR");
  if (!text) return std::nullopt;
  for (std::string_view line : base::Split(*text, '\n')) {
    line = base::Trim(line);
    constexpr std::string_view kKey = "Global available:";
    if (line.starts_with(kKey)) return base::ParseDecimal(base::Trim(line.substr(kKey.size())));
  }
  return std::nullopt;
}

}  // namespace

bool HasTransparentHuge(const sysfs::Tree& tree) {
  const auto text = sysfs::ReadText(tree, "/sys/kernel/mm/transparent_hugepage/enabled");
  return !text || text->find("[never]") == std::string::npos;
}

MemoryCost EstimateMemory(uint64_t bytes, Pages pages, bool has_huge, unsigned threads) {
  MemoryCost cost;
  const bool is_small = pages == Pages::kTransparent && !has_huge;
  cost.page_bytes = is_small ? 4 * base::kKiB : PageBytes(pages);
  cost.pages = (bytes + cost.page_bytes - 1) / cost.page_bytes;
  cost.populate = static_cast<double>(bytes) / kClearBytesPerSecond / std::max(threads, 1u);
  cost.pin = static_cast<double>(cost.pages) * (is_small                  ? kPin4K
                                                : pages == Pages::kHuge1G ? kPin1G
                                                                          : kPin2M);
  return cost;
}

VectorPool ReadVectorPool(const sysfs::Tree& tree) {
  if (const auto free = FreeInDebugfs(tree)) return {free, "debugfs irq/domains/VECTOR"};
  const auto text = sysfs::ReadText(tree, "/proc/interrupts");
  if (!text) return {};
  const auto lines = base::Split(*text, '\n');
  uint64_t processors = 0, used = 0;
  for (size_t at = lines[0].find("CPU"); at != std::string_view::npos;
       at = lines[0].find("CPU", at + 1)) {
    ++processors;
  }
  for (const std::string_view line : lines) {
    const std::string_view name = base::Trim(line.substr(0, line.find(':')));
    if (line.find(':') != std::string_view::npos && base::ParseDecimal(name)) ++used;
  }
  const uint64_t all = processors * kVectorsOfAProcessor;
  return {all - std::min(all, used),
          fmt::format("{} processors with {} each, less {} lines of /proc/interrupts", processors,
                      kVectorsOfAProcessor, used)};
}

unsigned VectorNeeds::most() const { return std::max({msix, msi, pin ? 1u : 0u}); }

unsigned VectorNeeds::usual(unsigned cpus) const {
  if (msix > 0) return std::min(msix, cpus + 1);
  return most() > 0 ? 1 : 0;
}

VectorNeeds ReadVectorNeeds(const sysfs::Tree& tree, const std::string& device_path) {
  VectorNeeds needs;
  const auto config = tree.ReadBytes(device_path + "/config", kConfigBytes);
  if (!config || config->size() < 64) return needs;
  needs.pin = (*config)[kInterruptPin] != std::byte{0};
  needs.known = config->size() == kConfigBytes;
  if (!needs.known) return needs;
  needs.msi = sysfs::MsiVectors(*config).value_or(0);
  needs.msix = sysfs::MsixVectors(*config).value_or(0);
  return needs;
}

}  // namespace vmm
