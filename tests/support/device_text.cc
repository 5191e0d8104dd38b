#include "tests/support/device_text.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "sysfs/base/bits.h"
#include "sysfs/base/text.h"

namespace test {
namespace {

using Words = std::vector<std::string_view>;

std::optional<uint64_t> Number(std::string_view word) {
  if (word.starts_with("0x")) return base::ParseHex(word.substr(2), UINT64_MAX);
  return base::ParseDecimal(word, UINT64_MAX);
}

std::optional<uint32_t> IrqNumber(std::string_view word) {
  static const std::map<std::string_view, uint32_t> kNames = {{"intx", vfio::kIntxIrq},
                                                              {"msi", vfio::kMsiIrq},
                                                              {"msix", vfio::kMsixIrq},
                                                              {"error", vfio::kErrorIrq},
                                                              {"request", vfio::kRequestIrq}};
  const auto found = kNames.find(word);
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

std::optional<uint32_t> Flags(const Words& words, size_t first,
                              const std::map<std::string_view, uint32_t>& names) {
  uint32_t flags = 0;
  for (size_t i = first; i < words.size(); ++i) {
    const auto found = names.find(words[i]);
    if (found == names.end()) return std::nullopt;
    flags |= found->second;
  }
  return flags;
}

// One description; each line is a value that goes into the device at the end.
class Reader {
 public:
  explicit Reader(FakeVfioDevice& device) : device_(&device) {}

  bool Line(const Words& words) {
    const std::string_view verb = words.front();
    if (verb == "config") return words.size() > 1 && Bytes(words, 1, 2);
    if (verb == "capability") return Capability(words, capability_link_, false);
    if (verb == "extended") return Capability(words, extended_link_, true);
    if (verb == "region") return Region(words);
    if (verb == "area") return Area(words);
    if (verb == "irq") return Irq(words);
    if (verb == "hostile") return Hostile(words);
    if (verb == "no-reset") device_->SetResettable(false);
    if (verb != "free-vectors") return verb == "no-reset";
    const auto count = words.size() == 2 ? Number(words[1]) : std::nullopt;
    if (count) device_->SetFreeVectors(static_cast<uint32_t>(*count));
    return count.has_value();
  }

 private:
  // "0x10:" and the bytes behind it.
  bool Bytes(const Words& words, size_t at, size_t first, uint64_t skip = 0) {
    if (!words[at].ends_with(':')) return false;
    const auto offset = Number(words[at].substr(0, words[at].size() - 1));
    std::vector<std::byte> bytes;
    for (size_t i = first; i < words.size(); ++i) {
      const auto byte = base::ParseHex(words[i], 0xff);
      if (!byte) return false;
      bytes.push_back(static_cast<std::byte>(*byte));
    }
    if (!offset || *offset + skip + bytes.size() > 4096) return false;
    device_->SetConfigBytes(*offset + skip, bytes);
    return true;
  }

  bool Capability(const Words& words, uint64_t& link, bool extended) {
    if (words.size() < 3) return false;
    const auto id = base::ParseHex(words[1], extended ? 0xffff : 0xff);
    if (!id || !Bytes(words, 2, 3, extended ? 4 : 2)) return false;
    const auto at = static_cast<uint32_t>(*Number(words[2].substr(0, words[2].size() - 1)));
    if (extended) {
      device_->SetConfigValue(at, static_cast<uint32_t>(*id) | 1u << 16, 4);
      const uint32_t before = device_->ConfigValue(link, 4);
      if (link != at) device_->SetConfigValue(link, (before & 0xfffff) | at << 20, 4);
      link = at;
    } else {
      device_->SetConfigValue(at, static_cast<uint32_t>(*id), 2);
      device_->SetConfigValue(link, at, 1);
      device_->SetConfigValue(6, device_->ConfigValue(6, 2) | 0x10, 2);
      link = at + 1;
    }
    return true;
  }

  bool Region(const Words& words) {
    const auto index = words.size() > 2 ? Number(words[1]) : std::nullopt;
    const auto size = index ? Number(words[2]) : std::nullopt;
    const auto flags = Flags(words, 3,
                             {{"r", VFIO_REGION_INFO_FLAG_READ},
                              {"w", VFIO_REGION_INFO_FLAG_WRITE},
                              {"rw", VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE},
                              {"map", VFIO_REGION_INFO_FLAG_MMAP},
                              {"msix-mappable", VFIO_REGION_INFO_FLAG_CAPS}});
    if (!size || !flags || *index > vfio::kVgaRegion) return false;
    const bool msix = (*flags & VFIO_REGION_INFO_FLAG_CAPS) != 0;
    device_->AddRegion(static_cast<uint32_t>(*index), *size,
                       *flags & ~uint32_t{VFIO_REGION_INFO_FLAG_CAPS}, {}, msix);
    return true;
  }

  bool Area(const Words& words) {
    if (words.size() != 4) return false;
    const auto index = Number(words[1]), offset = Number(words[2]), size = Number(words[3]);
    if (!index || !offset || !size) return false;
    device_->AddArea(static_cast<uint32_t>(*index), {*offset, *size});
    return true;
  }

  bool Irq(const Words& words) {
    const auto index = words.size() > 2 ? IrqNumber(words[1]) : std::nullopt;
    const auto count = index ? Number(words[2]) : std::nullopt;
    const auto flags = Flags(words, 3,
                             {{"eventfd", VFIO_IRQ_INFO_EVENTFD},
                              {"maskable", VFIO_IRQ_INFO_MASKABLE},
                              {"automasked", VFIO_IRQ_INFO_AUTOMASKED},
                              {"noresize", VFIO_IRQ_INFO_NORESIZE}});
    if (!count || !flags) return false;
    device_->AddIrq(*index, static_cast<uint32_t>(*count), *flags);
    return true;
  }

  bool Hostile(const Words& words);

  FakeVfioDevice* device_;
  uint64_t capability_link_ = 0x34;
  uint64_t extended_link_ = 0x100;
};

bool HostileRegion(FakeVfioDevice& device, uint32_t index, std::string_view field,
                   std::string_view value) {
  const auto number = Number(value);
  if (!number && field != "chain") return false;
  const uint64_t to = number.value_or(0);
  using Info = ::vfio_region_info;
  const auto change = [&](auto&& edit) {
    device.Tamper(VFIO_DEVICE_GET_REGION_INFO, [index, edit](void* reply, int result) {
      auto* info = static_cast<Info*>(reply);
      if (info->index == index) edit(*info, static_cast<std::byte*>(reply));
      return result;
    });
    return true;
  };
  if (field == "size") return change([to](Info& info, std::byte*) { info.size = to; });
  if (field == "offset") return change([to](Info& info, std::byte*) { info.offset = to; });
  const auto word = static_cast<uint32_t>(to);
  if (field == "flags") return change([word](Info& info, std::byte*) { info.flags = word; });
  if (field == "argsz") return change([word](Info& info, std::byte*) { info.argsz = word; });
  if (field == "cap_offset")
    return change([word](Info& info, std::byte*) { info.cap_offset = word; });
  if (field != "chain") return false;
  if (value == "grows") return change([](Info& info, std::byte*) { info.argsz += 64; });
  if (value == "short") {
    return change([](Info& info, std::byte*) {
      info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
      info.cap_offset = info.argsz - 4;
    });
  }
  return value == "loop" && change([](Info& info, std::byte* reply) {
           if ((info.flags & VFIO_REGION_INFO_FLAG_CAPS) != 0) return;
           if (info.argsz < sizeof info + 8) {
             info.argsz = sizeof info + 16;
             return;
           }
           info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
           info.cap_offset = sizeof info;
           const ::vfio_info_cap_header ring{VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1, sizeof info};
           std::memcpy(reply + sizeof info, &ring, sizeof ring);
         });
}

bool Reader::Hostile(const Words& words) {
  const std::string_view what = words.size() > 2 ? words[1] : std::string_view();
  const auto value = Number(words.back());
  const auto word = static_cast<uint32_t>(value.value_or(0));
  if (what == "region" && words.size() == 5) {
    const auto index = Number(words[2]);
    return index && HostileRegion(*device_, static_cast<uint32_t>(*index), words[3], words[4]);
  }
  if (!value) return false;
  if (what == "set-irqs") {
    device_->Tamper(VFIO_DEVICE_SET_IRQS, [word](void*, int) { return static_cast<int>(word); });
    return true;
  }
  if (what == "irq" && words.size() == 5) {
    const auto index = IrqNumber(words[2]);
    const bool is_count = words[3] == "count";
    if (!index || (!is_count && words[3] != "flags")) return false;
    device_->Tamper(VFIO_DEVICE_GET_IRQ_INFO, [=, at = *index](void* reply, int result) {
      auto* info = static_cast<::vfio_irq_info*>(reply);
      if (info->index == at) (is_count ? info->count : info->flags) = word;
      return result;
    });
    return true;
  }
  if (what != "info" || words.size() != 4) return false;
  const std::string field(words[2]);
  device_->Tamper(VFIO_DEVICE_GET_INFO, [=](void* reply, int result) {
    auto* info = static_cast<::vfio_device_info*>(reply);
    (field == "regions" ? info->num_regions
     : field == "irqs"  ? info->num_irqs
                        : info->flags) = word;
    return result;
  });
  return field == "regions" || field == "irqs" || field == "flags";
}

}  // namespace

void Describe(FakeVfioDevice& device, std::string_view text) {
  Reader reader(device);
  for (const std::string_view line : base::Split(text, '\n')) {
    Words words;
    for (const std::string_view word : base::Split(line.substr(0, line.find('#')), ' ')) {
      if (!base::Trim(word).empty()) words.push_back(base::Trim(word));
    }
    if (!words.empty() && !reader.Line(words)) ADD_FAILURE() << "no such line: " << line;
  }
}

}  // namespace test
