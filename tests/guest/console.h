// The first serial port, polled, and the words of a command.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace guest {

void Print(std::string_view text);
void PrintDecimal(uint64_t value);
void PrintHex(uint64_t value, unsigned digits = 1);  // at least so many

// A line without its end; the characters stay valid until the next call. Waits for it.
std::string_view ReadLine();

// The next word of `line`, which is taken away from it; empty at the end.
std::string_view TakeWord(std::string_view& line);
// Decimal, or hexadecimal after 0x; nothing when it is no number.
std::optional<uint64_t> ParseNumber(std::string_view word);
std::optional<uint64_t> TakeNumber(std::string_view& line);

// Prints "failed: TEXT"; false, for commands to return.
bool Fail(std::string_view text);

}  // namespace guest
