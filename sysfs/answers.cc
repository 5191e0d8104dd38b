#include "sysfs/answers.h"

#include <algorithm>

namespace sysfs {

bool Answers(const Tree& tree, const PciAddress& address) {
  constexpr size_t kHead = 8;  // ids, command, status
  const auto bytes =
      tree.ReadBytes("/sys/bus/pci/devices/" + address.ToString() + "/config", kHead);
  return !bytes || bytes->size() < kHead ||
         std::any_of(bytes->begin(), bytes->end(),
                     [](std::byte one) { return one != std::byte{0xff}; });
}

}  // namespace sysfs
