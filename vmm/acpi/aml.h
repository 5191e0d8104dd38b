// ACPI machine language, written term by term (ACPI 6.5, 20.2; resource descriptors 6.4).
//
// Each function returns the encoding of one term, and terms nest as in the source language:
// Device("COM1", {Name("_UID", Integer(1)), ...}). Pure. A name is at most four characters, "_"
// fills it; Path() makes longer ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"

namespace vmm::acpi::aml {

using Code = std::vector<std::byte>;

// One after the other.
Code Join(const std::vector<Code>& terms);

// Data (20.2.3).
Code Integer(uint64_t value);  // in the shortest form
Code String(std::string_view text);
Code Buffer(const Code& bytes);
Code Package(const std::vector<Code>& elements);  // at most 255
Code EisaId(std::string_view id);                 // "PNP0A08" (19.3.4)
Code Uuid(std::string_view text);                 // a buffer, as ToUUID makes it (19.6.142)

// Named objects (20.2.5).
Code Path(std::string_view name);  // "\\_SB", "_SB_.PCI0" (20.2.2)
Code Name(std::string_view name, const Code& value);
Code Scope(std::string_view path, const std::vector<Code>& terms);
Code Device(std::string_view name, const std::vector<Code>& terms);
Code Method(std::string_view name, unsigned arguments, const std::vector<Code>& terms);
Code CreateDwordField(const Code& buffer, const Code& offset, std::string_view name);

// Statements and operators (20.2.5.3, 20.2.5.4).
Code Argument(unsigned index);  // Arg0 to Arg6
Code Local(unsigned index);     // Local0 to Local7
Code Store(const Code& value, const Code& target);
Code And(const Code& left, const Code& right, const Code& target);
Code Or(const Code& left, const Code& right, const Code& target);
Code Equal(const Code& left, const Code& right);
Code NotEqual(const Code& left, const Code& right);
Code If(const Code& condition, const std::vector<Code>& terms);
Code Else(const std::vector<Code>& terms);
Code Return(const Code& value);

// Resource descriptors; ResourceTemplate makes the buffer, with the end tag.
Code ResourceTemplate(const std::vector<Code>& descriptors);
Code IoPort(uint16_t base, uint8_t size);  // 6.4.2.5, decodes 16 bits
Code Irq(unsigned number);                 // 6.4.2.1, edge, active high, not shared
Code Memory32Fixed(const base::Range& range);
// What a bridge passes on: fixed bounds, resource producer (6.4.3.5).
Code BusWindow(uint16_t first, uint16_t last);
Code IoWindow(uint16_t first, uint16_t last);
Code Memory32Window(const base::Range& range);  // inside the first 4 GiB, not empty
Code Memory64Window(const base::Range& range);

}  // namespace vmm::acpi::aml
