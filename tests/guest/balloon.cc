// virtio-balloon (virtio 1.2, 5.5), with ranges of memory in MiB that are given, taken back and
// looked at. The program itself is below them.
#include <cstdint>

#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/virtio.h"

namespace guest {
namespace {

constexpr uint16_t kBalloon = 5;
constexpr uint64_t kMustTell = 1, kStatistics = 2;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kFirst = 16;  // MiB
constexpr uint64_t kLast = 2048;
constexpr unsigned kPagesOfRequest = 256;
enum Queue : unsigned { kInflate, kDeflate, kStats };

Virtio balloon;
volatile uint32_t pages[kPagesOfRequest];
volatile uint8_t statistics[10];
uint32_t given = 0;  // pages

struct Piece {
  uint64_t base;
  uint64_t end;
};

std::optional<Piece> TakePiece(std::string_view& line) {
  const auto first = TakeNumber(line);
  const auto count = TakeNumber(line);
  if (!first || !count || *first < kFirst || *first > kLast || *count == 0 || *count > kLast) {
    Fail("balloon VERB MIB COUNT");
    return std::nullopt;
  }
  return Piece{*first * kMiB, (*first + *count) * kMiB};
}

bool Tell(unsigned queue, const Piece& piece) {
  unsigned count = 0;
  for (uint64_t at = piece.base; at < piece.end; at += kPage) {
    pages[count++] = static_cast<uint32_t>(at / kPage);
    if (count < kPagesOfRequest && at + kPage < piece.end) continue;
    const VirtioPiece request = {pages, static_cast<uint32_t>(count * sizeof pages[0]), false};
    balloon.Give(queue, &request, 1);
    if (!balloon.Take(queue)) return false;
    given = queue == kInflate ? given + count : given - count;
    count = 0;
  }
  balloon.SetConfig<uint32_t>(4, given);
  Print(queue == kInflate ? "balloon: inflated, pages " : "balloon: deflated, pages ");
  PrintDecimal(given);
  Print("\n");
  return true;
}

uint64_t MarkOf(uint64_t address) { return address * 0x9e3779b97f4a7c15 | 1; }

bool Fill(const Piece& piece) {
  for (uint64_t at = piece.base; at < piece.end; at += kPage) {
    *reinterpret_cast<volatile uint64_t*>(at) = MarkOf(at);
    *reinterpret_cast<volatile uint64_t*>(at + kPage - 8) = MarkOf(at);
  }
  Print("balloon: filled\n");
  return true;
}

// Every page holds what Fill has written, or nothing.
bool Look(const Piece& piece, bool filled) {
  for (uint64_t at = piece.base; at < piece.end; at += kPage) {
    const uint64_t mark = filled ? MarkOf(at) : 0;
    if (*reinterpret_cast<volatile uint64_t*>(at) == mark &&
        *reinterpret_cast<volatile uint64_t*>(at + kPage - 8) == mark) {
      continue;
    }
    Print("balloon: at ");
    PrintHex(at, 8);
    Print("\n");
    return Fail(filled ? "balloon: a page has lost what was in it" : "balloon: a page is not zero");
  }
  Print(filled ? "balloon: as filled\n" : "balloon: all zero\n");
  return true;
}

bool Start(std::string_view line) {
  const bool tells = TakeWord(line) != "untold";
  given = 0;
  if (!balloon.Start(kBalloon, kStatistics | (tells ? kMustTell : 0), InterruptMode::kPoll, 3)) {
    return false;
  }
  Print("balloon: started, wanted ");
  PrintDecimal(balloon.Config<uint32_t>(0));
  Print("\n");
  return true;
}

// Free memory, in bytes.
bool GiveStatistics(std::string_view line) {
  const auto value = TakeNumber(line);
  if (!value) return Fail("balloon stats VALUE");
  for (unsigned i = 0; i < sizeof statistics; ++i) {
    statistics[i] = i == 0 ? 4 : i == 1 ? 0 : static_cast<uint8_t>(*value >> (8 * (i - 2)));
  }
  const VirtioPiece request = {statistics, sizeof statistics, false};
  balloon.Give(kStats, &request, 1);
  Print("balloon: stats given\n");
  return true;
}

bool Asked() {
  if (!balloon.Take(kStats)) return false;
  Print("balloon: asked\n");
  return true;
}

// As a kernel that starts another one does.
bool StopMaster() {
  WriteConfig(balloon.function(), 4, 2, 2);
  Print("balloon: bus master off\n");
  return true;
}

// Until the host wants another size.
bool Await(std::string_view line) {
  const auto wanted = TakeNumber(line);
  if (!wanted) return Fail("balloon await PAGES");
  if (!WaitFor([&] { return balloon.Config<uint32_t>(0) == *wanted; }, 60000)) {
    return Fail("balloon: nothing is wanted");
  }
  Print("balloon: wanted as awaited\n");
  return true;
}

}  // namespace

bool RunBalloon(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb == "start") return Start(line);
  if (verb == "stats") return GiveStatistics(line);
  if (verb == "asked") return Asked();
  if (verb == "await") return Await(line);
  if (verb == "reset") return balloon.Reset() || Fail("balloon: reset");
  if (verb == "master") return StopMaster();
  const auto piece = TakePiece(line);
  if (!piece) return false;
  if (verb == "fill") return Fill(*piece);
  if (verb == "zero") return Look(*piece, false);
  if (verb == "holds") return Look(*piece, true);
  if (!balloon.started()) return Fail("balloon start comes first");
  if (verb == "inflate") return Tell(kInflate, *piece);
  if (verb == "deflate") return Tell(kDeflate, *piece);
  return Fail("balloon start|stats|asked|await|reset|master|fill|zero|holds|inflate|deflate");
}

}  // namespace guest
