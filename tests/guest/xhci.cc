// A USB controller (xHCI 1.2) with a device at one of its ports. Each event ring has an interrupter
// and so a vector of its own: this is how interrupts of any number are made to come.
#include <cstdint>

#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

constexpr uint32_t kControllerClass = 0x0c0330;
constexpr uint32_t kPatience = 20000;  // ms
constexpr unsigned kRingSize = 256;
constexpr unsigned kMaxVectors = 16;

namespace capability {
constexpr uint64_t kLength = 0x00;
constexpr uint64_t kStructure1 = 0x04;
constexpr uint64_t kCapabilities1 = 0x10;
constexpr uint64_t kDoorbells = 0x14;
constexpr uint64_t kRuntime = 0x18;
}  // namespace capability
namespace operational {
constexpr uint64_t kCommand = 0x00;
constexpr uint64_t kStatus = 0x04;
constexpr uint64_t kCommandRing = 0x18;
constexpr uint64_t kContexts = 0x30;
constexpr uint64_t kConfigure = 0x38;
constexpr uint64_t kPorts = 0x400;
}  // namespace operational
namespace interrupter {
constexpr uint64_t kFirst = 0x20;
constexpr uint64_t kStride = 0x20;
constexpr uint64_t kManagement = 0x00;
constexpr uint64_t kModeration = 0x04;
constexpr uint64_t kSegments = 0x08;
constexpr uint64_t kSegmentTable = 0x10;
constexpr uint64_t kDequeue = 0x18;
}  // namespace interrupter

// Types of requests and events (6.4.6).
enum class Kind : uint32_t {
  kSetup = 2,
  kData = 3,
  kStatus = 4,
  kEnableSlot = 9,
  kAddressDevice = 11,
  kTransferEvent = 32,
  kCommandEvent = 33,
};

struct Request {
  uint64_t parameter;
  uint32_t status;
  uint32_t control;
};
static_assert(sizeof(Request) == 16);

struct Segment {
  uint64_t base;
  uint64_t size;
};

// Each place is used once: no ring comes to its end.
struct alignas(64) Ring {
  volatile Request requests[kRingSize];
  unsigned next;
};

struct Slot {
  volatile uint32_t words[8];
};

alignas(4096) volatile uint64_t contexts[256];
alignas(4096) Slot input[33];
alignas(4096) Slot output[32];
alignas(4096) Ring commands;
alignas(4096) Ring transfers;
alignas(4096) Ring events[kMaxVectors];
alignas(64) volatile Segment segments[kMaxVectors];
alignas(64) volatile uint8_t descriptor[64];
uint64_t base = 0;
uint64_t operations = 0;
uint64_t doorbells = 0;
uint64_t runtime = 0;
unsigned vectors = 0;
uint32_t slot = 0;

uint64_t AddressOf(const volatile void* memory) { return reinterpret_cast<uint64_t>(memory); }
uint64_t Interrupter(unsigned number) {
  return runtime + interrupter::kFirst + interrupter::kStride * number;
}
uint8_t VectorOf(unsigned number) { return static_cast<uint8_t>(kFirstVector + number); }

void Put(Ring& ring, uint64_t parameter, uint32_t status, Kind kind, uint32_t flags) {
  volatile Request& request = ring.requests[ring.next++];
  request.parameter = parameter;
  request.status = status;
  request.control = static_cast<uint32_t>(kind) << 10 | flags | 1;
}

bool HasEvent(unsigned number) {
  const Ring& ring = events[number];
  return (ring.requests[ring.next].control & 1) != 0;
}

// The next event of this kind; others (a port has changed) are dropped.
bool Await(unsigned number, Kind kind, Request& event) {
  for (;;) {
    if (!WaitFor([&] { return HasEvent(number); }, kPatience)) return Fail("xhci: no event");
    Ring& ring = events[number];
    const volatile Request& found = ring.requests[ring.next++];
    event = {found.parameter, found.status, found.control};
    constexpr uint64_t kBusy = 8;
    Store<uint64_t>(Interrupter(number) + interrupter::kDequeue,
                    AddressOf(&ring.requests[ring.next]) | kBusy);
    if ((event.control >> 10 & 63) != static_cast<uint32_t>(kind)) continue;
    return event.status >> 24 == 1 || Fail("xhci: not done");
  }
}

void StartInterrupter(unsigned number) {
  const uint64_t at = Interrupter(number);
  segments[number].base = AddressOf(events[number].requests);
  segments[number].size = kRingSize;
  Store<uint32_t>(at + interrupter::kSegments, 1);
  Store<uint32_t>(at + interrupter::kModeration, 0);
  Store<uint64_t>(at + interrupter::kDequeue, AddressOf(events[number].requests));
  Store<uint64_t>(at + interrupter::kSegmentTable, AddressOf(&segments[number]));
}

bool ResetController() {
  Store<uint32_t>(operations + operational::kCommand, 2);
  return WaitFor(
             [] {
               return (Load<uint32_t>(operations + operational::kCommand) & 2) == 0 &&
                      (Load<uint32_t>(operations + operational::kStatus) & 1u << 11) == 0;
             },
             kPatience) ||
         Fail("xhci: resets for ever");
}

template <class T>
void Clear(T& rings) {
  auto* const bytes = reinterpret_cast<volatile uint8_t*>(&rings);
  for (size_t i = 0; i < sizeof rings; ++i) bytes[i] = 0;
}

bool StartController(Function function) {
  if (!Enable(function, 0)) return Fail("xhci: BAR 0 has no address");
  base = BarAddress(function, 0);
  operations = base + Load<uint8_t>(base + capability::kLength);
  doorbells = base + (Load<uint32_t>(base + capability::kDoorbells) & ~3u);
  runtime = base + (Load<uint32_t>(base + capability::kRuntime) & ~31u);
  const auto structure = Load<uint32_t>(base + capability::kStructure1);
  if ((structure >> 8 & 0x7ff) < vectors) return Fail("xhci: has fewer interrupters");
  if ((Load<uint32_t>(base + capability::kCapabilities1) & 4) != 0)
    return Fail("xhci: large contexts");
  if (!ResetController()) return false;
  Clear(commands);
  Clear(transfers);
  Clear(events);
  Store<uint32_t>(operations + operational::kConfigure, structure & 0xff);
  Store<uint64_t>(operations + operational::kContexts, AddressOf(contexts));
  Store<uint64_t>(operations + operational::kCommandRing, AddressOf(commands.requests) | 1);
  for (unsigned i = 0; i < vectors; ++i) StartInterrupter(i);
  Store<uint32_t>(operations + operational::kCommand, 1 | 4);
  return true;
}

bool Execute(uint64_t parameter, Kind kind, uint32_t flags) {
  Put(commands, parameter, 0, kind, flags);
  Fence();
  Store<uint32_t>(doorbells, 0);
  Request event = {};
  if (!Await(0, Kind::kCommandEvent, event)) return false;
  slot = event.control >> 24;
  return true;
}

// The port with something in it, reset; 0 when all are empty.
unsigned FindPort() {
  const unsigned ports = Load<uint32_t>(base + capability::kStructure1) >> 24;
  for (unsigned port = 1; port <= ports; ++port) {
    const uint64_t at = operations + operational::kPorts + 16 * (port - 1);
    if ((Load<uint32_t>(at) & 1) == 0) continue;
    constexpr uint32_t kPower = 1u << 9;
    constexpr uint32_t kReset = 1u << 4;
    Store<uint32_t>(at, kPower | kReset);
    if (WaitFor([&] { return (Load<uint32_t>(at) & 2) != 0; }, kPatience)) return port;
  }
  return 0;
}

bool AddressDevice(unsigned port) {
  if (!Execute(0, Kind::kEnableSlot, 0)) return false;
  const uint64_t at = operations + operational::kPorts + 16 * (port - 1);
  const uint32_t speed = Load<uint32_t>(at) >> 10 & 15;
  Clear(input);
  Clear(output);
  contexts[slot] = AddressOf(output);
  input[0].words[1] = 3;
  input[1].words[0] = 1u << 27 | speed << 20;
  input[1].words[1] = port << 16;
  input[2].words[1] = 64u << 16 | 4u << 3 | 3u << 1;
  input[2].words[2] = static_cast<uint32_t>(AddressOf(transfers.requests)) | 1;
  return Execute(AddressOf(input), Kind::kAddressDevice, slot << 24);
}

bool Start(std::string_view line) {
  const auto mode = ParseMode(TakeWord(line));
  const auto wanted = TakeNumber(line);
  if (!mode || !wanted || *wanted == 0 || *wanted > kMaxVectors)
    return Fail("xhci start msi|msix VECTORS");
  const auto controller = FindClass(kControllerClass);
  if (!controller) return Fail("xhci: no controller");
  vectors = static_cast<unsigned>(*wanted);
  if (!StartController(*controller)) return false;
  if (!SetInterrupts(*controller, *mode, vectors)) return Fail("xhci: no such interrupt");
  const unsigned port = FindPort();
  if (port == 0) return Fail("xhci: nothing in any port");
  if (!AddressDevice(port)) return false;
  // Until here all was polled: from now on each interrupt belongs to a transfer.
  constexpr uint32_t kEnableAndClear = 3;
  for (unsigned i = 0; i < vectors; ++i)
    Store<uint32_t>(Interrupter(i) + interrupter::kManagement, kEnableAndClear);
  Print("xhci: slot ");
  PrintDecimal(slot);
  Print("\n");
  return true;
}

// The device's descriptor, with the end of the transfer told to the interrupter of this number: its
// vector comes, no other does.
bool TransferTo(unsigned number) {
  uint64_t before[kMaxVectors];
  for (unsigned i = 0; i < vectors; ++i) before[i] = InterruptCount(VectorOf(i));
  constexpr uint64_t kGetDescriptor = 0x0012'0000'0100'0680;
  constexpr uint32_t kImmediate = 1u << 6;
  constexpr uint32_t kIn = 1u << 16;
  constexpr uint32_t kTell = 1u << 5;
  Put(transfers, kGetDescriptor, 8, Kind::kSetup, kImmediate | 3u << 16);
  Put(transfers, AddressOf(descriptor), 18, Kind::kData, kIn);
  Put(transfers, 0, number << 22, Kind::kStatus, kTell);
  descriptor[0] = 0;
  Fence();
  Store<uint32_t>(doorbells + uint64_t{4} * slot, 1);
  if (!WaitFor([&] { return InterruptCount(VectorOf(number)) != before[number]; }, kPatience))
    return Fail("xhci: no interrupt");
  Request event = {};
  if (!Await(number, Kind::kTransferEvent, event)) return false;
  if (descriptor[0] != 18 || descriptor[1] != 1) return Fail("xhci: no descriptor");
  for (unsigned i = 0; i < vectors; ++i) {
    if (InterruptCount(VectorOf(i)) != before[i] + (i == number ? 1 : 0))
      return Fail("xhci: another interrupt, or more than one");
  }
  return true;
}

bool Transfer() {
  if (transfers.next + 3 * vectors > kRingSize) return Fail("xhci: start it again");
  for (unsigned number = 0; number < vectors; ++number) {
    if (!TransferTo(number)) return false;
  }
  Print("xhci: device ");
  PrintHex(descriptor[8] | unsigned{descriptor[9]} << 8, 4);
  Print(":");
  PrintHex(descriptor[10] | unsigned{descriptor[11]} << 8, 4);
  Print(", vectors that came ");
  PrintDecimal(vectors);
  Print("\n");
  return true;
}

}  // namespace

bool RunXhci(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb == "start") return Start(line);
  if (vectors == 0 || slot == 0) return Fail("xhci start comes first");
  if (verb == "transfer") return Transfer();
  return Fail("xhci start MODE VECTORS, xhci transfer");
}

}  // namespace guest
