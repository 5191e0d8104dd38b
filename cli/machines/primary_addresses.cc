#include "cli/machines/primary_addresses.h"

#include <algorithm>
#include <map>
#include <string>

#include "sriov/functions.h"
#include "sriov/vf_links.h"
#include "sysfs/pci_device.h"

namespace cli {
namespace {

using base::Code;
using base::Fail;

class Addresses final : public vmm::PrimaryAddresses {
 public:
  explicit Addresses(const sysfs::Tree& tree) : tree_(&tree), links_(sriov::NetlinkVfLinks()) {}

  base::Result<vmm::virtio::Mac> Read(const sysfs::PciAddress& function) override {
    const sysfs::PciDevice device = TRY(sysfs::ReadDevice(*tree_, function, sysfs::Detail::kBrief));
    if (!device.physfn) {
      return Fail(Code::kUnsupported, function.ToString() + ": is no virtual function");
    }
    const auto pf = TRY(sriov::ReadFunctions(*tree_, *device.physfn, {links_.get(), nullptr}));
    const auto found = std::find_if(pf.functions.begin(), pf.functions.end(), [&](const auto& one) {
      return one.device.address == function;
    });
    if (found == pf.functions.end() || !found->attributes.mac) {
      return Fail(Code::kNotFound,
                  function.ToString() + ": no interface of its physical function is here",
                  "bring " + device.physfn->ToString() +
                      " back to its driver and into this network namespace");
    }
    places_[function] = {pf.interface, found->index};
    return vmm::virtio::Mac{found->attributes.mac->bytes};
  }

  base::Status Write(const sysfs::PciAddress& function, const vmm::virtio::Mac& address) override {
    if (!places_.contains(function)) TRY(Read(function));
    const Place& place = places_[function];
    sriov::VfAttributes attributes;
    attributes.mac = sriov::MacAddress{address.bytes};
    auto written = links_->Write(place.interface, place.index, attributes);
    if (written) return {};
    return base::Failure(std::move(written).error().With(function.ToString()));
  }

 private:
  struct Place {
    std::string interface;
    unsigned index = 0;
  };
  const sysfs::Tree* tree_;
  std::unique_ptr<sriov::VfLinks> links_;
  std::map<sysfs::PciAddress, Place> places_;
};

}  // namespace

std::unique_ptr<vmm::PrimaryAddresses> HostPrimaryAddresses(const sysfs::Tree& tree) {
  return std::make_unique<Addresses>(tree);
}

}  // namespace cli
