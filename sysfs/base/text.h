// Strict text parsing: the whole text is the value, or there is no value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

// Digits only, without sign, prefix or blanks; nothing on overflow of `max`.
std::optional<uint64_t> ParseHex(std::string_view text, uint64_t max = UINT64_MAX);
std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max = UINT64_MAX);
// Decimal, or hexadecimal after 0x.
std::optional<uint64_t> ParseUnsigned(std::string_view text, uint64_t max = UINT64_MAX);
// Bytes: a decimal number with an optional K, M, G or T (powers of 1024).
std::optional<uint64_t> ParseSize(std::string_view text);
// "512 KiB", "4 GiB", "1.5 GiB".
std::string FormatSize(uint64_t bytes);

// For messages: in single quotes, control and non-ASCII bytes as \\xNN, cut after 80 characters.
std::string Quote(std::string_view text);

std::string_view Trim(std::string_view text);
// Parts between separators, empty parts included.
std::vector<std::string_view> Split(std::string_view text, char separator);
// The part behind the last '/'.
std::string_view LastComponent(std::string_view path);

}  // namespace base
