// virtio-blk and virtio-rng (virtio 1.2, 5.2 and 5.4).
#include <cstdint>

#include "tests/guest/checksum.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/virtio.h"

namespace guest {
namespace {

constexpr uint16_t kBlk = 2;
constexpr uint16_t kRng = 4;
constexpr uint64_t kFlush = uint64_t{1} << 9;
constexpr uint64_t kConfigWce = uint64_t{1} << 11;
constexpr unsigned kWriteback = 32;  // in the configuration
constexpr uint32_t kSector = 512;
constexpr uint32_t kBufferSize = 8192;

enum Type : uint32_t { kIn = 0, kOut = 1, kFlushDisk = 4, kGetId = 8, kDiscard = 11, kZeroes = 13 };

struct Header {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};

Virtio disk;
Virtio random_source;
alignas(4096) uint8_t buffer[kBufferSize];
volatile Header header;
volatile uint8_t status;

bool Request(uint32_t type, uint64_t sector, volatile void* data, uint32_t size, bool to_guest) {
  header.type = type;
  header.reserved = 0;
  header.sector = sector;
  status = 0xff;
  VirtioPiece pieces[3] = {{&header, sizeof header, false}};
  unsigned count = 1;
  if (size != 0) pieces[count++] = {data, size, to_guest};
  pieces[count++] = {&status, 1, true};
  if (!disk.Do(pieces, count)) return false;
  if (status == 0) return true;
  Print("blk: status ");
  PrintDecimal(status);
  Print("\n");
  return false;
}

bool Start(std::string_view line) {
  const std::string_view word = TakeWord(line);
  const auto mode = ParseMode(word.empty() ? "msix" : word);
  if (!mode) return Fail("blk start poll|pin|msix [noflush]");
  const bool flushes = TakeWord(line) != "noflush";
  if (!disk.Start(kBlk, flushes ? kFlush | kConfigWce : 0, *mode)) return false;
  Print("blk: started, sectors ");
  PrintDecimal(disk.Config<uint64_t>(0));
  Print("\n");
  return true;
}

// Waits until the disk has so many sectors.
bool WaitForSectors(std::string_view line) {
  const auto sectors = TakeNumber(line);
  if (!sectors) return Fail("blk sectors NUMBER");
  while (disk.Config<uint64_t>(0) != *sectors) {
  }
  Print("blk: sectors ");
  PrintDecimal(*sectors);
  Print("\n");
  return true;
}

// Write-back (1) or write-through (0), which the device has to show at once.
bool SetWriteback(std::string_view line) {
  const auto value = TakeNumber(line);
  if (!value || *value > 1) return Fail("blk wce 0|1");
  if ((disk.features() & kConfigWce) == 0) return Fail("blk: wce is not offered");
  disk.SetConfigByte(kWriteback, static_cast<uint8_t>(*value));
  if (disk.Config<uint8_t>(kWriteback) != *value) return Fail("blk: wce");
  Print(*value == 1 ? "blk: writeback\n" : "blk: writethrough\n");
  return true;
}

bool Transfer(uint32_t type, uint64_t sector, uint64_t count, uint64_t seed) {
  uint32_t crc = ~0u;
  while (count > 0) {
    const uint64_t now = count < kBufferSize / kSector ? count : kBufferSize / kSector;
    const auto size = static_cast<uint32_t>(now * kSector);
    for (unsigned i = 0; type == kOut && i < size; ++i) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      buffer[i] = static_cast<uint8_t>(seed >> 56);
    }
    if (!Request(type, sector, buffer, size, type == kIn)) return Fail("blk: transfer");
    for (unsigned i = 0; i < size; ++i) crc = AddToChecksum(crc, buffer[i]);
    sector += now;
    count -= now;
  }
  Print(type == kOut ? "blk: wrote, crc32 " : "blk: read, crc32 ");
  PrintHex(~crc, 8);
  Print("\n");
  return true;
}

bool ReadOrWrite(uint32_t type, std::string_view line) {
  const auto sector = TakeNumber(line);
  const auto count = TakeNumber(line);
  const auto seed = TakeNumber(line);
  if (!sector || !count || (type == kOut) != seed.has_value()) {
    return Fail("blk read SECTOR COUNT, blk write SECTOR COUNT SEED");
  }
  return Transfer(type, *sector, *count, seed.value_or(0));
}

bool GiveRange(uint32_t type, std::string_view line) {
  const auto sector = TakeNumber(line);
  const auto count = TakeNumber(line);
  if (!sector || !count) return Fail("blk zero|discard SECTOR COUNT");
  struct {
    uint64_t sector;
    uint32_t count;
    uint32_t flags;
  } range = {*sector, static_cast<uint32_t>(*count), 0};
  if (!Request(type, 0, &range, sizeof range, false)) return Fail("blk: range");
  Print("blk: done\n");
  return true;
}

// A write, or a read, that the disk has to refuse.
bool Refused(std::string_view line) {
  const auto sector = TakeNumber(line);
  const bool reads = TakeWord(line) == "read";
  if (!sector) return Fail("blk refused SECTOR [read]");
  Request(reads ? kIn : kOut, *sector, buffer, kSector, reads);
  if (status != 1) return Fail("blk: not refused");
  Print("blk: refused\n");
  return true;
}

// A flush that the disk has to fail.
bool Unflushed() {
  Request(kFlushDisk, 0, nullptr, 0, false);
  if (status != 1) return Fail("blk: flushed");
  Print("blk: not flushed\n");
  return true;
}

bool PrintId() {
  char id[20] = {};
  if (!Request(kGetId, 0, id, sizeof id, true)) return Fail("blk: id");
  unsigned size = 0;
  while (size < sizeof id && id[size] != 0) ++size;
  Print("blk: serial ");
  Print(std::string_view(id, size));
  Print("\n");
  return true;
}

bool PrintCount() {
  Print("blk: interrupts ");
  PrintDecimal(disk.interrupts());
  Print("\n");
  return true;
}

}  // namespace

bool RunBlk(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb == "start") return Start(line);
  if (!disk.started()) return Fail("blk start comes first");
  if (verb == "read") return ReadOrWrite(kIn, line);
  if (verb == "write") return ReadOrWrite(kOut, line);
  if (verb == "zero") return GiveRange(kZeroes, line);
  if (verb == "discard") return GiveRange(kDiscard, line);
  if (verb == "refused") return Refused(line);
  if (verb == "id") return PrintId();
  if (verb == "sectors") return WaitForSectors(line);
  if (verb == "unflushed") return Unflushed();
  if (verb == "break") return disk.Break() || Fail("blk: its queue does not break");
  if (verb == "wce") return SetWriteback(line);
  if (verb == "count") return PrintCount();
  if (verb == "reset") return disk.Reset() || Fail("blk: reset");
  if (verb != "flush")
    return Fail(
        "blk "
        "start|read|write|refused|zero|discard|flush|unflushed|sectors|wce|break|id|count|reset");
  if (!Request(kFlushDisk, 0, nullptr, 0, false)) return Fail("blk: flush");
  Print("blk: flushed\n");
  return true;
}

bool RunRng(std::string_view line) {
  const auto wanted = TakeNumber(line);
  if (!wanted || *wanted > kBufferSize) return Fail("rng BYTES");
  if (!random_source.Start(kRng, 0, InterruptMode::kPoll)) return false;
  for (uint8_t& byte : buffer) byte = 0;
  const VirtioPiece piece = {buffer, static_cast<uint32_t>(*wanted), true};
  const auto got = random_source.Do(&piece, 1);
  if (!got) return false;
  unsigned zeroes = 0;
  for (unsigned i = 0; i < *got; ++i) zeroes += buffer[i] == 0 ? 1 : 0;
  Print("rng: bytes ");
  PrintDecimal(*got);
  // One in 256 is expected.
  Print(zeroes * 16 < *got ? ", random\n" : ", not random\n");
  return true;
}

}  // namespace guest
