// virtio-net (virtio 1.2, 5.1): raw Ethernet frames, without offloads.
#include <cstdint>

#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/virtio.h"

namespace guest {
namespace {

constexpr uint16_t kNet = 1;
constexpr uint64_t kMac = uint64_t{1} << 5;
constexpr uint64_t kStatus = uint64_t{1} << 16;
constexpr unsigned kReceive = 0;
constexpr unsigned kTransmit = 1;
constexpr uint32_t kHeader = 12;
constexpr uint32_t kRoom = 2048;
constexpr uint32_t kLeast = 14;
// Frames of local experiments (IEEE 802, 9.2.3): the host's own traffic is not answered.
constexpr uint8_t kTypeHigh = 0x88;
constexpr uint8_t kTypeLow = 0xb5;

Virtio net;
alignas(64) uint8_t frame[kRoom];
uint8_t mac[6];

void PrintMac() {
  for (unsigned i = 0; i < sizeof mac; ++i) {
    if (i != 0) Print(":");
    PrintHex(mac[i], 2);
  }
}

bool Start(std::string_view line) {
  const std::string_view word = TakeWord(line);
  const auto mode = ParseMode(word.empty() ? "msix" : word);
  if (!mode) return Fail("net start poll|pin|msix");
  if (!net.Start(kNet, kMac | kStatus, *mode, 2)) return false;
  for (unsigned i = 0; i < sizeof mac; ++i) mac[i] = net.Config<uint8_t>(i);
  Print("net: started, address ");
  PrintMac();
  Print((net.Config<uint16_t>(6) & 1) != 0 ? ", link up\n" : ", link down\n");
  return true;
}

bool Send(uint32_t size) {
  for (unsigned i = 0; i < kHeader; ++i) frame[i] = 0;
  const VirtioPiece piece = {frame, kHeader + size, false};
  net.Give(kTransmit, &piece, 1);
  return net.Take(kTransmit).has_value() || Fail("net: not sent");
}

// The next frame of a local experiment; its size, 0 when none came.
uint32_t Receive() {
  for (;;) {
    const VirtioPiece piece = {frame, kRoom, true};
    net.Give(kReceive, &piece, 1);
    const auto size = net.Take(kReceive);
    if (!size || *size < kHeader + kLeast) return 0;
    if (frame[kHeader + 12] == kTypeHigh && frame[kHeader + 13] == kTypeLow) return *size - kHeader;
  }
}

bool Echo(uint64_t count) {
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint32_t size = Receive();
    if (size == 0) return Fail("net: no frame");
    for (unsigned j = 0; j < sizeof mac; ++j) {
      frame[kHeader + j] = frame[kHeader + 6 + j];
      frame[kHeader + 6 + j] = mac[j];
    }
    if (!Send(size)) return false;
    bytes += size;
  }
  Print("net: echoed ");
  PrintDecimal(count);
  Print(" frames, bytes ");
  PrintDecimal(bytes);
  Print("\n");
  return true;
}

// To everybody, with its number in front.
bool SendMany(uint64_t count, uint64_t size) {
  for (uint64_t i = 0; i < count; ++i) {
    for (unsigned j = 0; j < sizeof mac; ++j) {
      frame[kHeader + j] = 0xff;
      frame[kHeader + 6 + j] = mac[j];
    }
    frame[kHeader + 12] = kTypeHigh;
    frame[kHeader + 13] = kTypeLow;
    for (uint64_t j = kLeast; j < size; ++j) frame[kHeader + j] = static_cast<uint8_t>(i + j);
    if (!Send(static_cast<uint32_t>(size))) return false;
  }
  Print("net: sent ");
  PrintDecimal(count);
  Print("\n");
  return true;
}

}  // namespace

bool RunNet(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb == "start") return Start(line);
  if (!net.started()) return Fail("net start comes first");
  if (verb == "reset") return net.Reset() || Fail("net: reset");
  const auto count = TakeNumber(line);
  if (verb == "echo" && count) return Echo(*count);
  const auto size = TakeNumber(line);
  if (verb == "send" && count && size && *size >= kLeast && *size <= kRoom - kHeader) {
    return SendMany(*count, *size);
  }
  if (verb != "count") return Fail("net start MODE|echo COUNT|send COUNT SIZE|count|reset");
  Print("net: interrupts ");
  PrintDecimal(net.interrupts());
  Print("\n");
  return true;
}

}  // namespace guest
