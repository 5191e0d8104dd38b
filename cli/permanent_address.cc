#include "cli/permanent_address.h"

namespace cli {

sysfs::PermanentAddress PermanentAddressOf(const sysfs::DeviceNumber& device_number) {
  return device_number ? sysfs::HostPermanentAddress() : sysfs::PermanentAddress();
}

}  // namespace cli
