#include "tests/guest/hostile/checks.h"

#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/virtio.h"

extern "C" const char program_start[], program_end[];

namespace guest::hostile {
namespace {

constexpr uint64_t kReadOnly = uint64_t{1} << 5;  // of a disk
constexpr uint64_t kMac = uint64_t{1} << 5;       // of a network card
constexpr uint64_t kLinkStatus = uint64_t{1} << 16;
constexpr uint64_t kMustTell = 1;
// A page of each MiB between the program and what is the devices'.
constexpr uint64_t kFirstCanary = uint64_t{16} << 20;
constexpr uint64_t kCanaryStep = uint64_t{1} << 20;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kFrame = 64;
constexpr unsigned kMostOthers = 64;  // frames that are not ours, for one that is

Virtio driver;
alignas(4096) volatile uint8_t buffer[8192];
constexpr uint64_t kSectors = sizeof buffer / 512;
volatile uint32_t head[4];
volatile uint8_t status;
uint64_t program = 0;

uint64_t SumOf(uint64_t from, uint64_t to) {
  uint64_t sum = 0;
  for (uint64_t at = from; at < to; at += 8) sum = sum * 31 + Load<uint64_t>(at);
  return sum;
}

uint64_t SumOfProgram() {
  return SumOf(reinterpret_cast<uint64_t>(program_start), reinterpret_cast<uint64_t>(program_end));
}

uint64_t MarkOf(uint64_t address) { return address * 0x9e3779b97f4a7c15 | 1; }

bool Transfer(bool write, uint64_t sector) {
  head[0] = write ? 1 : 0;
  head[1] = 0;
  head[2] = static_cast<uint32_t>(sector);
  head[3] = static_cast<uint32_t>(sector >> 32);
  status = 0xff;
  const VirtioPiece pieces[] = {
      {head, sizeof head, false}, {buffer, sizeof buffer, !write}, {&status, 1, true}};
  if (!driver.Do(pieces, 3)) return false;
  return status == 0 || Fail("hostile: the disk does not work");
}

bool CheckReadOnlyDisk(Target& target, uint64_t sectors, uint32_t number) {
  const uint64_t piece = number % (sectors / kSectors < kSums ? sectors / kSectors : kSums);
  if (!Transfer(false, piece * kSectors)) return false;
  const auto at = reinterpret_cast<uint64_t>(buffer);
  const uint64_t sum = SumOf(at, at + sizeof buffer);
  if (target.sums[piece] == 0) target.sums[piece] = sum;
  return target.sums[piece] == sum || Fail("hostile: a read-only disk has changed");
}

bool CheckDisk(Target& target, uint32_t number) {
  const auto sectors = driver.Config<uint64_t>(0);
  if (sectors < kSectors) return Fail("hostile: the disk is too small");
  if ((driver.features() & kReadOnly) != 0) return CheckReadOnlyDisk(target, sectors, number);
  const uint64_t sector = number % (sectors - kSectors + 1);
  const auto at = reinterpret_cast<uint64_t>(buffer);
  for (unsigned i = 0; i < sizeof buffer; i += 8) Store(at + i, MarkOf(number + i));
  if (!Transfer(true, sector)) return false;
  for (unsigned i = 0; i < sizeof buffer; i += 8) Store<uint64_t>(at + i, 0);
  if (!Transfer(false, sector)) return false;
  for (unsigned i = 0; i < sizeof buffer; i += 8) {
    if (Load<uint64_t>(at + i) != MarkOf(number + i))
      return Fail("hostile: the disk gives other bytes");
  }
  return true;
}

bool CheckEntropy() {
  for (unsigned i = 0; i < 64; ++i) buffer[i] = 0;
  const VirtioPiece piece = {buffer, 64, true};
  const auto got = driver.Do(&piece, 1);
  if (!got) return false;
  unsigned zeroes = 0;
  for (unsigned i = 0; i < 64; ++i) zeroes += buffer[i] == 0 ? 1 : 0;
  return (*got == 64 && zeroes < 16) || Fail("hostile: no random bytes");
}

bool CheckConsole() {
  static constexpr std::string_view kText = "hostile: the console works\n";
  for (size_t i = 0; i < kText.size(); ++i) buffer[i] = static_cast<uint8_t>(kText[i]);
  const VirtioPiece piece = {buffer, kText.size(), false};
  driver.Give(1, &piece, 1);
  return driver.Take(1).has_value();
}

void WriteFrame(uint32_t number) {
  for (unsigned i = 0; i < 12 + kFrame; ++i) buffer[i] = 0;
  for (unsigned i = 0; i < 6; ++i) buffer[12 + i] = 0xff;
  for (unsigned i = 0; i < 6; ++i) buffer[18 + i] = driver.Config<uint8_t>(i);
  buffer[24] = 0x88;
  buffer[25] = 0xb5;
  for (unsigned i = 0; i < 4; ++i) buffer[26 + i] = static_cast<uint8_t>(number >> (8 * i));
}

// Whoever is on the other side of a link that is up sends back what it gets.
bool CheckNet(uint32_t number) {
  volatile uint8_t* const answer = buffer + 4096;
  const VirtioPiece room = {answer, 4096, true};
  const VirtioPiece sent = {buffer, 12 + kFrame, false};
  const bool up = (driver.Config<uint16_t>(6) & 1) != 0;
  WriteFrame(number);
  if (up) driver.Give(0, &room, 1);
  driver.Give(1, &sent, 1);
  if (!driver.Take(1)) return false;
  for (unsigned others = 0; up && others < kMostOthers; ++others) {
    if (!driver.Take(0)) return false;
    bool same = true;
    for (unsigned i = 24; i < 30; ++i) same = same && answer[i] == buffer[i];
    if (same) return true;
    driver.Give(0, &room, 1);
  }
  return !up || Fail("hostile: the frame does not come back");
}

// What is given is gone: no card is assigned.
bool CheckBalloon(const Target& target) {
  constexpr unsigned kPages = 16;
  const uint64_t base = target.memory + kWritableAt;
  auto* const pages = reinterpret_cast<volatile uint32_t*>(buffer);
  for (unsigned i = 0; i < kPages; ++i) {
    Store(base + kPage * i, MarkOf(i));
    pages[i] = static_cast<uint32_t>(base / kPage + i);
  }
  Fence();
  const VirtioPiece piece = {buffer, kPages * sizeof *pages, false};
  driver.Give(0, &piece, 1);
  if (!driver.Take(0)) return false;
  for (unsigned i = 0; i < kPages; ++i) {
    if (Load<uint64_t>(base + kPage * i) != 0) return Fail("hostile: the balloon takes nothing");
  }
  driver.Give(1, &piece, 1);
  return driver.Take(1).has_value();
}

bool Use(Target& target, uint32_t number) {
  switch (target.type) {
    case kBlk:
      return CheckDisk(target, number);
    case kNet:
      return CheckNet(number);
    case kConsole:
      return CheckConsole();
    case kBalloon:
      return CheckBalloon(target);
    default:
      return CheckEntropy();
  }
}

uint64_t FeaturesFor(const Target& target) {
  if (target.type == kBlk) return kReadOnly;
  if (target.type == kNet) return kMac | kLinkStatus;
  return target.type == kBalloon ? kMustTell : 0;
}

}  // namespace

void MarkMemory() {
  program = SumOfProgram();
  for (uint64_t page = kFirstCanary; page < kFirstMemory; page += kCanaryStep) {
    for (uint64_t at = page; at < page + kPage; at += 8) Store(at, MarkOf(at));
  }
}

bool MemoryIsWhole() {
  if (SumOfProgram() != program) return Fail("hostile: the program has changed");
  for (uint64_t page = kFirstCanary; page < kFirstMemory; page += kCanaryStep) {
    for (uint64_t at = page; at < page + kPage; at += 8) {
      if (Load<uint64_t>(at) != MarkOf(at)) return Fail("hostile: memory of nobody has changed");
    }
  }
  return true;
}

bool Check(Target& target, Random& random, uint32_t number) {
  Settle(target);
  const auto mode =
      OneOf(random, {InterruptMode::kPoll, InterruptMode::kPin, InterruptMode::kMsix});
  const unsigned queues = target.queues < 2 ? 1 : 2;
  const bool works =
      driver.Start(target.function, FeaturesFor(target), mode, queues) && Use(target, number);
  if (mode == InterruptMode::kPin) MaskLine(LineOf(target.function));
  if (!works) return false;
  Settle(target);
  return driver.Reset() || Fail("hostile: stays in its reset");
}

}  // namespace guest::hostile
