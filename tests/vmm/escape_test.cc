#include "vmm/escape.h"

#include <gmock/gmock.h>

#include <random>
#include <string>

namespace vmm {
namespace {

using Command = ConsoleInput::Command;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<uint8_t> Bytes(std::string_view text) { return {text.begin(), text.end()}; }

std::string Guest(const ConsoleInput& input) { return {input.guest.begin(), input.guest.end()}; }

TEST(EscapeParser, UnknownKeysAreDroppedWithTheEscape) {
  EscapeParser parser;
  const ConsoleInput input = parser.Feed(Bytes("a\001qb"));
  EXPECT_EQ(Guest(input), "ab");
  EXPECT_THAT(input.commands, IsEmpty());
}

TEST(EscapeParser, QuitAndHelpInEitherCase) {
  EscapeParser parser;
  const ConsoleInput input = parser.Feed(Bytes("\001x\001X\001h\001H\001?"));
  EXPECT_THAT(input.commands, ElementsAre(Command::kQuit, Command::kQuit, Command::kHelp,
                                          Command::kHelp, Command::kHelp));
  EXPECT_THAT(input.guest, IsEmpty());
}

TEST(EscapeParser, TwiceSendsOne) {
  EscapeParser parser;
  EXPECT_EQ(Guest(parser.Feed(Bytes("\001\001x"))), "\001x");
}

TEST(EscapeParser, ASequenceMayBeSplit) {
  EscapeParser parser;
  EXPECT_EQ(Guest(parser.Feed(Bytes("a\001"))), "a");
  EXPECT_THAT(parser.Feed({}).commands, IsEmpty());
  EXPECT_THAT(parser.Feed(Bytes("x")).commands, ElementsAre(Command::kQuit));
  EXPECT_EQ(Guest(parser.Feed(Bytes("x"))), "x");
}

TEST(EscapeParser, TextWithoutTheEscapePassesUnchanged) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> bytes(random() % 40);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % 254 + 2);
    EscapeParser parser;
    EXPECT_EQ(parser.Feed(bytes).guest, bytes);
  }
}

}  // namespace
}  // namespace vmm
