#include "vmm/acpi/tables.h"

#include <algorithm>
#include <utility>

#include "vmm/acpi/dsdt.h"
#include "vmm/acpi/fixed_tables.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

// Places tables one behind the other; 64 bytes is what the FACS wants, the RSDP 16.
class Area {
 public:
  uint64_t Add(const std::vector<std::byte>& table) {
    bytes_.resize(base::AlignUp(bytes_.size(), 64));
    const uint64_t address = kAcpiTablesBase + bytes_.size();
    bytes_.insert(bytes_.end(), table.begin(), table.end());
    return address;
  }
  // For a table that is made last but stands first.
  void Replace(size_t offset, const std::vector<std::byte>& table) {
    std::copy(table.begin(), table.end(), bytes_.begin() + static_cast<ptrdiff_t>(offset));
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

AcpiTables BuildTables(const AcpiRequest& request) {
  Area area;
  const uint64_t rsdp = area.Add(MakeRsdp(0));
  const auto facs = static_cast<uint32_t>(area.Add(MakeFacs()));
  const auto dsdt = static_cast<uint32_t>(area.Add(MakeDsdt(request)));
  const std::vector<uint64_t> listed = {
      area.Add(MakeFadt(request, facs, dsdt)),
      area.Add(MakeMadt(request)),
      area.Add(MakeMcfg(request.layout)),
  };
  area.Replace(0, MakeRsdp(area.Add(MakeXsdt(listed))));
  AcpiTables tables;
  tables.rsdp = {rsdp};
  tables.bytes = area.Take();
  tables.area = {kAcpiTablesBase, tables.bytes.size()};
  return tables;
}

}  // namespace vmm::acpi
