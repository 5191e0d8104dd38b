#include "vmm/devices/serial.h"

#include <gmock/gmock.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Offsets and bits as Linux's serial_reg.h names them.
enum : uint64_t {
  kRx = 0,
  kTx = 0,
  kIer = 1,
  kIir = 2,
  kFcr = 2,
  kLcr = 3,
  kMcr = 4,
  kLsr = 5,
  kMsr = 6,
  kScr = 7
};

class SerialTest : public testing::Test {
 protected:
  uint8_t Read(uint64_t offset) { return static_cast<uint8_t>(serial_.Read({offset, Width::k1})); }
  void Write(uint64_t offset, uint8_t value) { serial_.Write({offset, Width::k1}, value); }
  size_t Input(std::string_view text) {
    return serial_.Input(std::vector<uint8_t>(text.begin(), text.end()));
  }
  std::string ReadAll() {
    std::string text;
    while ((Read(kLsr) & 1) != 0) text.push_back(static_cast<char>(Read(kRx)));
    return text;
  }

  std::vector<std::string> outputs_;
  std::vector<bool> levels_;
  Serial serial_{"test",
                 {[this](std::span<const uint8_t> bytes) {
                    outputs_.emplace_back(bytes.begin(), bytes.end());
                  },
                  [this](bool level) { levels_.push_back(level); }}};
};

TEST_F(SerialTest, UnknownRegistersReadAsAllOnes) {
  EXPECT_EQ(serial_.Read({8, Width::k1}), 0xffu);
  serial_.Write({9, Width::k1}, 1);
}

TEST_F(SerialTest, AWideAccessIsOneOfEachByte) {
  serial_.Write({kMcr, Width::k4}, 0x5a000003);
  EXPECT_EQ(Read(kMcr), 3);
  EXPECT_EQ(Read(kScr), 0x5a);
  EXPECT_EQ(serial_.Read({kMsr, Width::k2}), 0x5ab0u);
}

TEST_F(SerialTest, InputBeyondTheLimitIsRefused) {
  EXPECT_EQ(Input(std::string(Serial::kInputLimit + 5, 'x')), Serial::kInputLimit);
  EXPECT_EQ(Input("y"), 0u);
}

// What Linux's autoconfig does to find a port and to tell a 16550A from its relatives
// (drivers/tty/serial/8250/8250_port.c).
TEST_F(SerialTest, LooksLikeA16550AToLinux) {
  Write(kIer, 0);
  EXPECT_EQ(Read(kIer) & 0x0f, 0);
  Write(kIer, 0x0f);
  EXPECT_EQ(Read(kIer) & 0x0f, 0x0f);
  Write(kIer, 0x4f);
  EXPECT_EQ(Read(kIer) & 0x40, 0);  // no UART enable bit
  Write(kIer, 0);
  Write(kMcr, 0x10 | 0x0a);
  EXPECT_EQ(Read(kMsr) & 0xf0, 0x90);
  Write(kMcr, 0);
  Write(kLcr, 0);
  Write(kFcr, 0x01);
  EXPECT_EQ(Read(kIir) >> 6, 3);
  Write(kLcr, 0x80);
  EXPECT_NE(Read(kIir), 0);  // no enhanced feature register behind it
  Write(kLcr, 0xbf);
  EXPECT_NE(Read(kIir), 0);
  Write(kLcr, 0);
  Write(kFcr, 0);
  EXPECT_EQ(Read(kIir) >> 6, 0);
  Write(kScr, 0xa5);
  EXPECT_EQ(Read(kScr), 0xa5);
}

// Linux looks twice whether enabling the transmitter's interrupt raises it, and takes a port on
// which the second one is missing for broken.
TEST_F(SerialTest, EnablingTheTransmitterInterruptRaisesItEachTime) {
  for (int round = 0; round < 2; ++round) {
    Write(kIer, 0x02);
    EXPECT_EQ(Read(kIir) & 0x0f, 0x02);
    EXPECT_EQ(Read(kIir) & 0x0f, 0x01);
    Write(kIer, 0);
  }
  EXPECT_THAT(levels_, ElementsAre(true, false, true, false));
}

TEST_F(SerialTest, TheDivisorIsRememberedAndIsNoData) {
  Write(kLcr, 0x83);
  Write(0, 0x01);
  Write(1, 0x02);
  EXPECT_EQ(Read(0), 0x01);
  EXPECT_EQ(Read(1), 0x02);
  Write(kLcr, 0x03);
  EXPECT_EQ(Read(kIer), 0);
  EXPECT_THAT(outputs_, IsEmpty());
}

TEST_F(SerialTest, PolledOutputGoesOutByteByByte) {
  Write(kTx, 'o');
  Write(kTx, 'k');
  EXPECT_THAT(outputs_, ElementsAre("o", "k"));
  EXPECT_EQ(Read(kLsr) & 0x60, 0x60);
  EXPECT_THAT(levels_, IsEmpty());
}

TEST_F(SerialTest, InterruptDrivenOutputGoesOutByTheFifo) {
  Write(kFcr, 0x01);
  Write(kIer, 0x02);
  EXPECT_EQ(Read(kIir) & 0x0f, 0x02);
  for (const char letter : std::string_view("hello")) Write(kTx, static_cast<uint8_t>(letter));
  EXPECT_THAT(outputs_, IsEmpty());
  EXPECT_EQ(Read(kIir) & 0x0f, 0x02);
  EXPECT_THAT(outputs_, ElementsAre("hello"));
  for (int i = 0; i < 16; ++i) Write(kTx, 'x');
  EXPECT_EQ(outputs_.back(), std::string(16, 'x'));
}

TEST_F(SerialTest, HeldOutputGoesOutWhenTheInterruptIsSwitchedOff) {
  Write(kIer, 0x02);
  Write(kTx, 'a');
  Write(kIer, 0);
  EXPECT_THAT(outputs_, ElementsAre("a"));
}

TEST_F(SerialTest, AFullFifoIsOneInterrupt) {
  Write(kFcr, 0x01);
  Write(kIer, 0x02);
  Read(kIir);
  levels_.clear();
  for (int i = 0; i < 16; ++i) Write(kTx, 'x');
  EXPECT_THAT(levels_, ElementsAre(true));
}

TEST_F(SerialTest, InputWaitsUntilTheGuestListens) {
  Input("typed early");
  Write(kFcr, 0x07);
  EXPECT_EQ(Read(kLsr) & 1, 0);
  Write(kMcr, 0x0b);
  EXPECT_EQ(ReadAll(), "typed early");
}

TEST_F(SerialTest, ReceivedDataInterruptsUntilItIsRead) {
  Write(kFcr, 0x01);
  Write(kMcr, 0x0b);
  Write(kIer, 0x01);
  Input("ab");
  EXPECT_EQ(Read(kIir) & 0x0f, 0x04);
  EXPECT_EQ(ReadAll(), "ab");
  EXPECT_EQ(Read(kIir) & 0x0f, 0x01);
  EXPECT_THAT(levels_, ElementsAre(true, false));
}

TEST_F(SerialTest, ReceivedDataComesBeforeTheTransmitter) {
  Write(kMcr, 0x0b);
  Write(kIer, 0x03);
  Input("a");
  EXPECT_EQ(Read(kIir) & 0x0f, 0x04);
  Read(kRx);
  EXPECT_EQ(Read(kIir) & 0x0f, 0x02);
}

TEST_F(SerialTest, ClearingTheReceiverLosesOnlyWhatIsInIt) {
  Write(kFcr, 0x01);
  Write(kMcr, 0x0b);
  Input(std::string(16, 'x') + "kept");
  Write(kFcr, 0x03);
  EXPECT_EQ(ReadAll(), "kept");
}

TEST_F(SerialTest, LoopbackReturnsWhatIsSent) {
  Write(kFcr, 0x01);
  Write(kMcr, 0x10);
  Input("from outside");
  Write(kTx, 'l');
  EXPECT_EQ(ReadAll(), "l");
  EXPECT_THAT(outputs_, IsEmpty());
}

TEST_F(SerialTest, LoopbackOverrunsAFullFifo) {
  Write(kMcr, 0x10);
  Write(kIer, 0x04);
  for (int i = 0; i < 17; ++i) Write(kTx, 'x');
  EXPECT_EQ(Read(kIir) & 0x0f, 0x06);
  EXPECT_EQ(Read(kLsr) & 0x02, 0x02);
  EXPECT_EQ(Read(kLsr) & 0x02, 0);
}

TEST_F(SerialTest, FlushHandsOutWhatIsHeld) {
  Write(kIer, 0x02);
  Write(kTx, 'z');
  serial_.Flush();
  EXPECT_THAT(outputs_, ElementsAre("z"));
}

TEST_F(SerialTest, SurvivesRandomAccesses) {
  std::mt19937 random(16550);
  for (int round = 0; round < 5000; ++round) {
    const auto width = std::array{Width::k1, Width::k2, Width::k4, Width::k8}[random() % 4];
    if (random() % 2 == 0) {
      serial_.Write({random() % 8, width}, random());
    } else {
      serial_.Read({random() % 8, width});
    }
    Input("x");
  }
  // Changes alternate: the line is never raised twice.
  for (size_t i = 0; i < levels_.size(); ++i) ASSERT_EQ(levels_[i], i % 2 == 0);
}

}  // namespace
}  // namespace vmm
