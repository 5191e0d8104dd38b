// The tables without machine language: FADT, FACS, MADT, MCFG, XSDT, RSDP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/acpi/tables.h"

namespace vmm::acpi {

std::vector<std::byte> MakeFacs();
std::vector<std::byte> MakeFadt(const AcpiRequest& request, uint32_t facs, uint32_t dsdt);
std::vector<std::byte> MakeMadt(const AcpiRequest& request);
std::vector<std::byte> MakeMcfg(const Layout& layout);
std::vector<std::byte> MakeXsdt(std::span<const uint64_t> tables);
std::vector<std::byte> MakeRsdp(uint64_t xsdt);

}  // namespace vmm::acpi
