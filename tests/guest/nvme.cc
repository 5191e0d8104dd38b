// An NVMe drive (NVM Express Base 2.0, sections 3.1 and 3.3; command set 1.0): one I/O queue pair,
// one command at a time, 8 KiB in each.
#include <cstdint>

#include "tests/guest/checksum.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

constexpr uint32_t kDriveClass = 0x010802;
constexpr unsigned kDepth = 16;
constexpr uint32_t kPatience = 30000;  // ms
constexpr uint32_t kBufferSize = 8192;

namespace reg {
constexpr uint64_t kCapabilities = 0x00;
constexpr uint64_t kMaskSet = 0x0c;
constexpr uint64_t kMaskClear = 0x10;
constexpr uint64_t kConfiguration = 0x14;
constexpr uint64_t kStatus = 0x1c;
constexpr uint64_t kAdminSizes = 0x24;
constexpr uint64_t kAdminSubmission = 0x28;
constexpr uint64_t kAdminCompletion = 0x30;
constexpr uint64_t kDoorbells = 0x1000;
}  // namespace reg

struct Command {
  uint32_t opcode;
  uint32_t space;
  uint64_t reserved;
  uint64_t metadata;
  uint64_t data[2];
  uint32_t words[6];
};
static_assert(sizeof(Command) == 64);

struct Completion {
  uint32_t result;
  uint32_t reserved;
  uint16_t head;
  uint16_t queue;
  uint16_t id;
  uint16_t status;  // bit 0: phase
};
static_assert(sizeof(Completion) == 16);

struct Queue {
  alignas(4096) Command submissions[kDepth];
  alignas(4096) volatile Completion completions[kDepth];
  unsigned number;
  unsigned tail;
  unsigned head;
  uint16_t phase;
  uint8_t vector;
};

alignas(4096) Queue queues[2];
alignas(4096) uint8_t buffer[kBufferSize];
alignas(4096) uint8_t identity[4096];
uint64_t registers = 0;
unsigned stride = 4;
unsigned block_size = 512;
InterruptMode mode = InterruptMode::kPoll;

uint64_t AddressOf(const volatile void* memory) { return reinterpret_cast<uint64_t>(memory); }

// A level stays until the completion is taken, so the drive is masked meanwhile.
void QuietPin() { Store<uint32_t>(registers + reg::kMaskSet, ~0u); }

bool Submit(Queue& queue, Command command, uint32_t* result = nullptr) {
  const uint64_t before = InterruptCount(queue.vector);
  command.opcode |= queue.tail << 16;
  queue.submissions[queue.tail] = command;
  queue.tail = (queue.tail + 1) % kDepth;
  Fence();
  Store<uint32_t>(registers + reg::kDoorbells + uint64_t{2 * queue.number} * stride, queue.tail);
  volatile Completion& completion = queue.completions[queue.head];
  const bool interrupted =
      mode == InterruptMode::kPoll ||
      WaitFor([&] { return InterruptCount(queue.vector) != before; }, kPatience);
  if (!interrupted) return Fail("nvme: no interrupt");
  if (!WaitFor([&] { return (completion.status & 1) == queue.phase; }, kPatience))
    return Fail("nvme: no completion");
  const unsigned status = completion.status >> 1;
  if (result != nullptr) *result = completion.result;
  queue.head = (queue.head + 1) % kDepth;
  if (queue.head == 0) queue.phase ^= 1;
  Store<uint32_t>(registers + reg::kDoorbells + uint64_t{2 * queue.number + 1} * stride,
                  queue.head);
  if (mode == InterruptMode::kPin) Store<uint32_t>(registers + reg::kMaskClear, ~0u);
  if (status == 0) return true;
  Print("nvme: status ");
  PrintHex(status);
  Print("\n");
  return false;
}

void Clear(Queue& queue, unsigned number, uint8_t vector) {
  for (volatile Completion& one : queue.completions) one.status = 0;
  queue.number = number;
  queue.tail = queue.head = 0;
  queue.phase = 1;
  queue.vector = vector;
}

bool WaitReady(uint32_t wanted) {
  return WaitFor([&] { return (Load<uint32_t>(registers + reg::kStatus) & 1) == wanted; },
                 kPatience);
}

bool EnableController() {
  const auto capabilities = Load<uint64_t>(registers + reg::kCapabilities);
  stride = 4u << (capabilities >> 32 & 0xf);
  Store<uint32_t>(registers + reg::kConfiguration, 0);
  if (!WaitReady(0)) return Fail("nvme: stays ready");
  Store<uint32_t>(registers + reg::kAdminSizes, (kDepth - 1) << 16 | (kDepth - 1));
  Store<uint64_t>(registers + reg::kAdminSubmission, AddressOf(queues[0].submissions));
  Store<uint64_t>(registers + reg::kAdminCompletion, AddressOf(queues[0].completions));
  constexpr uint32_t kEnable = 6u << 16 | 4u << 20 | 1;  // entries of 64 and 16 bytes
  Store<uint32_t>(registers + reg::kConfiguration, kEnable);
  return WaitReady(1) || Fail("nvme: is not ready");
}

bool CreateQueues(unsigned vector) {
  Command completion = {};
  completion.opcode = 0x05;
  completion.data[0] = AddressOf(queues[1].completions);
  completion.words[0] = (kDepth - 1) << 16 | 1;
  completion.words[1] = vector << 16 | (mode == InterruptMode::kPoll ? 1 : 3);
  Command submission = {};
  submission.opcode = 0x01;
  submission.data[0] = AddressOf(queues[1].submissions);
  submission.words[0] = (kDepth - 1) << 16 | 1;
  submission.words[1] = 1u << 16 | 1;
  return Submit(queues[0], completion) && Submit(queues[0], submission);
}

bool IdentifyNamespace() {
  Command identify = {};
  identify.opcode = 0x06;
  identify.space = 1;
  identify.data[0] = AddressOf(identity);
  if (!Submit(queues[0], identify)) return false;
  const unsigned format = identity[26] & 0xf;
  block_size = 1u << identity[128 + 4 * format + 2];
  return block_size >= 512 && block_size <= 4096 ? true : Fail("nvme: block size");
}

bool Start(std::string_view line) {
  const std::string_view word = TakeWord(line);
  const std::string_view place = TakeWord(line);
  const auto wanted = ParseMode(word.empty() ? "msix" : word);
  if (!wanted) return Fail("nvme start poll|pin|msi|msix [BUS:DEV.FN]");
  const auto drive = place.empty() ? FindClass(kDriveClass) : ParseFunction(place);
  if (!drive) return Fail("nvme: no drive");
  if (!Enable(*drive, 0)) return Fail("nvme: BAR 0 has no address");
  registers = BarAddress(*drive, 0);
  mode = *wanted;
  const unsigned vectors = mode == InterruptMode::kMsix ? 2 : 1;
  if (!SetInterrupts(*drive, mode, vectors)) return Fail("nvme: no such interrupt");
  SetAcknowledge(kFirstVector, mode == InterruptMode::kPin ? QuietPin : nullptr);
  Clear(queues[0], 0, kFirstVector);
  Clear(queues[1], 1, static_cast<uint8_t>(kFirstVector + vectors - 1));
  if (!EnableController() || !CreateQueues(vectors - 1) || !IdentifyNamespace()) return false;
  Print("nvme: started, block size ");
  PrintDecimal(block_size);
  Print("\n");
  return true;
}

uint32_t Checksum(uint32_t crc, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) crc = AddToChecksum(crc, bytes[i]);
  return crc;
}

// Both directions; the checksum is the CRC-32 of what was transferred.
bool Transfer(uint32_t opcode, uint64_t block, uint64_t count, uint64_t seed, uint32_t& crc) {
  crc = ~0u;
  const uint64_t at_once = kBufferSize / block_size;
  while (count > 0) {
    const uint64_t now = count < at_once ? count : at_once;
    if (opcode == 1) {
      for (uint8_t& byte : buffer) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        byte = static_cast<uint8_t>(seed >> 56);
      }
    }
    Command command = {};
    command.opcode = opcode;
    command.space = 1;
    command.data[0] = AddressOf(buffer);
    command.data[1] = AddressOf(buffer) + 4096;
    command.words[0] = static_cast<uint32_t>(block);
    command.words[1] = static_cast<uint32_t>(block >> 32);
    command.words[2] = static_cast<uint32_t>(now - 1);
    if (!Submit(queues[1], command)) return Fail("nvme: transfer");
    crc = Checksum(crc, buffer, now * block_size);
    block += now;
    count -= now;
  }
  crc = ~crc;
  return true;
}

bool ReadOrWrite(uint32_t opcode, std::string_view line) {
  const auto block = TakeNumber(line);
  const auto count = TakeNumber(line);
  const auto seed = TakeNumber(line);
  if (!block || !count || (opcode == 1) != seed.has_value())
    return Fail("nvme read BLOCK COUNT, nvme write BLOCK COUNT SEED");
  uint32_t crc = 0;
  if (!Transfer(opcode, *block, *count, seed.value_or(0), crc)) return false;
  Print(opcode == 1 ? "nvme: wrote, crc32 " : "nvme: read, crc32 ");
  PrintHex(crc, 8);
  Print("\n");
  return true;
}

bool ReadForEver() {
  Print("nvme: reading\n");
  uint32_t crc = 0;
  while (Transfer(2, 0, 2048, 0, crc)) {
  }
  return false;
}

}  // namespace

bool RunNvme(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb == "start") return Start(line);
  if (registers == 0) return Fail("nvme start comes first");
  if (verb == "read") return ReadOrWrite(2, line);
  if (verb == "write") return ReadOrWrite(1, line);
  if (verb == "loop") return ReadForEver();
  if (verb != "count") return Fail("nvme start|read|write|loop|count");
  Print("nvme: interrupts ");
  PrintDecimal(InterruptCount(queues[1].vector));
  Print("\n");
  return true;
}

}  // namespace guest
