// Host devices in libvirt's domain descriptions (https://libvirt.org/formatdomain.html).
#pragma once

#include <string_view>

#include "sysfs/pci_address.h"

namespace sysfs {

// Whether the text has a <source> element that holds an <address> of this function. Reads what
// libvirt writes; no general XML. Anything else names nothing.
bool NamesHostDevice(std::string_view xml, const PciAddress& address);

}  // namespace sysfs
