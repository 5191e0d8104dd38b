#include "sysfs/names.h"

#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <map>
#include <vector>

extern "C" {
#include <pci/pci.h>
}

namespace sysfs {
namespace {

// libpci's error function must not return, and its default ends the program: a damaged pci.ids (a
// web page saved by an update) would. Only C frames of libpci are skipped by the jump.
std::jmp_buf damaged;
__attribute__((noreturn)) void Leave(char* /*format*/, ...) { std::longjmp(damaged, 1); }
void Ignore(char* /*format*/, ...) {}

}  // namespace

struct Names::Access {
  explicit Access(const std::string& ids_file) : pci(pci_alloc()) {
    pci->error = Leave;
    pci->warning = Ignore;
    pci->debug = Ignore;
    if (ids_file.empty()) return;
    file = ids_file;
    pci_set_name_list_path(pci, file.data(), 0);
    flags |= PCI_LOOKUP_NO_HWDB;
  }
  ~Access() { pci_cleanup(pci); }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Of many devices alike, each name is looked up once.
  template <class... Numbers>
  std::optional<std::string> Look(int what, Numbers... numbers) {
    const std::vector<int> question = {what, numbers...};
    const auto known = known_.find(question);
    if (known != known_.end()) return known->second;
    return known_[question] = Ask(what, numbers...);
  }

  template <class... Numbers>
  std::optional<std::string> Ask(int what, Numbers... numbers) {
    std::array<char, 256> text;
    if (is_damaged) return std::nullopt;
    if (setjmp(damaged) != 0) {
      is_damaged = true;
      return std::nullopt;
    }
    const char* name =
        pci_lookup_name(pci, text.data(), static_cast<int>(text.size()), what | flags, numbers...);
    if (name == nullptr || *name == '\0') return std::nullopt;
    return std::string(name);
  }

  pci_access* pci;
  std::string file;
  int flags = PCI_LOOKUP_NO_NUMBERS;
  bool is_damaged = false;

 private:
  std::map<std::vector<int>, std::optional<std::string>> known_;
};

Names::Names(const std::string& ids_file) : access_(std::make_unique<Access>(ids_file)) {}
Names::Names(Names&&) noexcept = default;
Names& Names::operator=(Names&&) noexcept = default;
Names::~Names() = default;

std::optional<std::string> Names::Vendor(uint16_t vendor) const {
  return access_->Look(PCI_LOOKUP_VENDOR, int{vendor});
}

std::optional<std::string> Names::Device(uint16_t vendor, uint16_t device) const {
  return access_->Look(PCI_LOOKUP_DEVICE, int{vendor}, int{device});
}

std::optional<std::string> Names::Subsystem(const PciDevice& device) const {
  if (device.subsystem_vendor == 0) return std::nullopt;
  return access_->Look(PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_DEVICE, int{device.vendor},
                       int{device.device}, int{device.subsystem_vendor},
                       int{device.subsystem_device});
}

std::optional<std::string> Names::Class(uint32_t class_code) const {
  return access_->Look(PCI_LOOKUP_CLASS, static_cast<int>(class_code >> 8));
}

std::optional<std::string> Names::Interface(uint32_t class_code) const {
  return access_->Look(PCI_LOOKUP_PROGIF, static_cast<int>(class_code >> 8),
                       static_cast<int>(class_code & 0xff));
}

std::string Names::Describe(const PciDevice& device) const {
  const std::string vendor =
      Vendor(device.vendor).value_or(fmt::format("vendor {:04x}", device.vendor));
  const std::string name =
      Device(device.vendor, device.device).value_or(fmt::format("device {:04x}", device.device));
  return name.starts_with(vendor) ? name : vendor + " " + name;  // "QEMU", "QEMU NVM ..."
}

std::string Names::DescribeClass(uint32_t class_code) const {
  return Class(class_code).value_or(fmt::format("class {:04x}", class_code >> 8));
}

}  // namespace sysfs
