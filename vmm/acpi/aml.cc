#include "vmm/acpi/aml.h"

#include <array>

#include "sysfs/base/text.h"

namespace vmm::acpi::aml {
namespace {

constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDwordPrefix = 0x0c;
constexpr uint8_t kStringPrefix = 0x0d;
constexpr uint8_t kQwordPrefix = 0x0e;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kMethodOp = 0x14;
constexpr uint8_t kDualNamePrefix = 0x2e;
constexpr uint8_t kMultiNamePrefix = 0x2f;
constexpr uint8_t kExtendedPrefix = 0x5b;
constexpr uint8_t kLocal0Op = 0x60;
constexpr uint8_t kArgument0Op = 0x68;
constexpr uint8_t kStoreOp = 0x70;
constexpr uint8_t kAndOp = 0x7b;
constexpr uint8_t kOrOp = 0x7d;
constexpr uint8_t kDeviceOp = 0x82;  // behind the extended prefix
constexpr uint8_t kCreateDwordFieldOp = 0x8a;
constexpr uint8_t kNotOp = 0x92;
constexpr uint8_t kEqualOp = 0x93;
constexpr uint8_t kIfOp = 0xa0;
constexpr uint8_t kElseOp = 0xa1;
constexpr uint8_t kReturnOp = 0xa4;

constexpr uint8_t kSerialized = 0x08;

void Append(Code& code, const Code& more) { code.insert(code.end(), more.begin(), more.end()); }

// `bytes` bytes of the value, low ones first.
void AppendLe(Code& code, uint64_t value, unsigned bytes) {
  for (unsigned index = 0; index < bytes; ++index) {
    code.push_back(static_cast<std::byte>(value >> (8 * index)));
  }
}

Code Op(std::initializer_list<uint8_t> bytes, std::initializer_list<Code> operands = {}) {
  Code code;
  for (const uint8_t byte : bytes) code.push_back(std::byte{byte});
  for (const Code& operand : operands) Append(code, operand);
  return code;
}

// The length of a package counts its own bytes: 6 bits in one, or 4 bits and 8 in each of up to
// three more (20.2.4).
Code PackageLength(size_t body) {
  if (body + 1 < 0x40) return Op({static_cast<uint8_t>(body + 1)});
  unsigned extra = 1;
  while (body + 1 + extra >= size_t{1} << (4 + 8 * extra)) ++extra;
  const size_t length = body + 1 + extra;
  Code code = Op({static_cast<uint8_t>(extra << 6 | (length & 0xf))});
  AppendLe(code, length >> 4, extra);
  return code;
}

Code Enclose(std::initializer_list<uint8_t> op, const Code& body) {
  return Op(op, {PackageLength(body.size()), body});
}

uint8_t HexByte(std::string_view text) {
  return static_cast<uint8_t>(base::ParseHex(text).value_or(0));
}

// A word, double word or quad word address space descriptor (6.4.3.5.1 to .3).
Code Window(unsigned width, uint8_t type, uint8_t type_flags, uint64_t first, uint64_t last) {
  constexpr uint8_t kFixedProducer = 0x0c;
  const uint8_t tag = width == 2 ? 0x88 : width == 4 ? 0x87 : 0x8a;
  Code code = Op({tag});
  AppendLe(code, 3 + 5 * width, 2);
  Append(code, Op({type, kFixedProducer, type_flags}));
  AppendLe(code, 0, width);  // granularity
  AppendLe(code, first, width);
  AppendLe(code, last, width);
  AppendLe(code, 0, width);  // translation
  AppendLe(code, last - first + 1, width);
  return code;
}

constexpr uint8_t kMemoryType = 0;
constexpr uint8_t kIoType = 1;
constexpr uint8_t kBusType = 2;
constexpr uint8_t kReadWriteNotCacheable = 0x01;
constexpr uint8_t kEntireRange = 0x03;

}  // namespace

Code Join(const std::vector<Code>& terms) {
  Code code;
  for (const Code& term : terms) Append(code, term);
  return code;
}

Code Integer(uint64_t value) {
  if (value == 0) return Op({kZeroOp});
  if (value == 1) return Op({kOneOp});
  constexpr std::array<std::pair<uint8_t, unsigned>, 4> kForms = {
      {{kBytePrefix, 1}, {kWordPrefix, 2}, {kDwordPrefix, 4}, {kQwordPrefix, 8}}};
  for (const auto& [prefix, bytes] : kForms) {
    if (bytes < 8 && value >> (8 * bytes) != 0) continue;
    Code code = Op({prefix});
    AppendLe(code, value, bytes);
    return code;
  }
  return {};
}

Code String(std::string_view text) {
  Code code = Op({kStringPrefix});
  for (const char c : text) code.push_back(static_cast<std::byte>(c));
  code.push_back(std::byte{0});
  return code;
}

Code Buffer(const Code& bytes) {
  return Enclose({kBufferOp}, Join({Integer(bytes.size()), bytes}));
}

Code Package(const std::vector<Code>& elements) {
  return Enclose({kPackageOp}, Join({Op({static_cast<uint8_t>(elements.size())}), Join(elements)}));
}

Code EisaId(std::string_view id) {
  const auto letter = [&](size_t at) { return static_cast<unsigned>(id[at] - 0x40) & 0x1f; };
  const unsigned letters = letter(0) << 10 | letter(1) << 5 | letter(2);
  return Op({kDwordPrefix, static_cast<uint8_t>(letters >> 8), static_cast<uint8_t>(letters),
             HexByte(id.substr(3, 2)), HexByte(id.substr(5, 2))});
}

Code Uuid(std::string_view text) {
  // Where each byte stands in the text: the first three fields are little-endian.
  constexpr std::array<uint8_t, 16> kOrder = {6,  4,  2,  0,  11, 9,  16, 14,
                                              19, 21, 24, 26, 28, 30, 32, 34};
  Code bytes;
  for (const uint8_t at : kOrder) bytes.push_back(std::byte{HexByte(text.substr(at, 2))});
  return Buffer(bytes);
}

Code Path(std::string_view name) {
  Code code;
  if (name.starts_with('\\')) {
    code.push_back(std::byte{'\\'});
    name.remove_prefix(1);
  }
  const auto segments = base::Split(name, '.');
  if (segments.size() == 2) Append(code, Op({kDualNamePrefix}));
  if (segments.size() > 2) {
    Append(code, Op({kMultiNamePrefix, static_cast<uint8_t>(segments.size())}));
  }
  for (const std::string_view segment : segments) {
    for (size_t at = 0; at < 4; ++at) {
      code.push_back(static_cast<std::byte>(at < segment.size() ? segment[at] : '_'));
    }
  }
  return code;
}

Code Name(std::string_view name, const Code& value) { return Op({kNameOp}, {Path(name), value}); }

Code Scope(std::string_view path, const std::vector<Code>& terms) {
  return Enclose({kScopeOp}, Join({Path(path), Join(terms)}));
}

Code Device(std::string_view name, const std::vector<Code>& terms) {
  return Enclose({kExtendedPrefix, kDeviceOp}, Join({Path(name), Join(terms)}));
}

// Serialized: a method that creates names must not run twice at once.
Code Method(std::string_view name, unsigned arguments, const std::vector<Code>& terms) {
  const auto flags = static_cast<uint8_t>(arguments | kSerialized);
  return Enclose({kMethodOp}, Join({Path(name), Op({flags}), Join(terms)}));
}

Code CreateDwordField(const Code& buffer, const Code& offset, std::string_view name) {
  return Op({kCreateDwordFieldOp}, {buffer, offset, Path(name)});
}

Code Argument(unsigned index) { return Op({static_cast<uint8_t>(kArgument0Op + index)}); }
Code Local(unsigned index) { return Op({static_cast<uint8_t>(kLocal0Op + index)}); }
Code Store(const Code& value, const Code& target) { return Op({kStoreOp}, {value, target}); }
Code And(const Code& left, const Code& right, const Code& target) {
  return Op({kAndOp}, {left, right, target});
}
Code Or(const Code& left, const Code& right, const Code& target) {
  return Op({kOrOp}, {left, right, target});
}
Code Equal(const Code& left, const Code& right) { return Op({kEqualOp}, {left, right}); }
Code NotEqual(const Code& left, const Code& right) { return Op({kNotOp, kEqualOp}, {left, right}); }
Code If(const Code& condition, const std::vector<Code>& terms) {
  return Enclose({kIfOp}, Join({condition, Join(terms)}));
}
Code Else(const std::vector<Code>& terms) { return Enclose({kElseOp}, Join(terms)); }
Code Return(const Code& value) { return Op({kReturnOp}, {value}); }

Code ResourceTemplate(const std::vector<Code>& descriptors) {
  const Code end_tag = Op({0x79, 0x00});  // 6.4.2.9; a checksum of zero counts as right
  return Buffer(Join({Join(descriptors), end_tag}));
}

Code IoPort(uint16_t base, uint8_t size) {
  Code code = Op({0x47, 0x01});
  AppendLe(code, base, 2);
  AppendLe(code, base, 2);
  Append(code, Op({0x01, size}));  // alignment, size
  return code;
}

Code Irq(unsigned number) {
  Code code = Op({0x22});
  AppendLe(code, uint64_t{1} << number, 2);
  return code;
}

Code Memory32Fixed(const base::Range& range) {
  Code code = Op({0x86, 0x09, 0x00, 0x01});  // 6.4.3.4, writable
  AppendLe(code, range.base, 4);
  AppendLe(code, range.size, 4);
  return code;
}

Code BusWindow(uint16_t first, uint16_t last) { return Window(2, kBusType, 0, first, last); }
Code IoWindow(uint16_t first, uint16_t last) {
  return Window(2, kIoType, kEntireRange, first, last);
}
Code Memory32Window(const base::Range& range) {
  return Window(4, kMemoryType, kReadWriteNotCacheable, range.base, range.end() - 1);
}
Code Memory64Window(const base::Range& range) {
  return Window(8, kMemoryType, kReadWriteNotCacheable, range.base, range.end() - 1);
}

}  // namespace vmm::acpi::aml
