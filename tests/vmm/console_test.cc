#include "vmm/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace vmm {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

// With a pipe as standard input for as long as it is there.
class ConsoleRouting : public testing::Test {
 protected:
  ConsoleRouting() : own_input_(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ::close(ends[0]);
    writer_ = base::Fd(ends[1]);
    options_.console = folder_.path() + "/console";
  }
  ~ConsoleRouting() override {
    console_.reset();
    ::dup2(own_input_.raw(), STDIN_FILENO);
  }
  void Make() {
    auto made = Console::Create(*loop_, options_, [this] { loop_->Stop(); });
    ASSERT_THAT(made, IsOk());
    console_ = std::move(*made);
  }
  void Type(std::string_view text) {
    ASSERT_EQ(::write(writer_.raw(), text.data(), text.size()), ssize_t(text.size()));
  }
  // A guest that takes so many bytes at a time, until it has `wanted`.
  void ConnectGuest(size_t room, std::string wanted) {
    console_->Connect([this, room, wanted = std::move(wanted)](std::span<const uint8_t> bytes) {
      const size_t count = std::min(room, bytes.size());
      taken_.append(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
      if (taken_ == wanted) loop_->Stop();
      return count;
    });
  }
  std::string Output() { return std::move(*base::ReadFile(options_.console)); }

  const test::TempFolder folder_;
  const base::Fd own_input_;
  base::Fd writer_;
  Options options_;
  std::unique_ptr<EventLoop> loop_ = std::move(*EventLoop::Create());
  std::unique_ptr<Console> console_;
  std::string taken_;
};

TEST_F(ConsoleRouting, InputGoesWhereTheGuestTakesIt) {
  Make();
  ConnectGuest(3, "hello guest");
  Type("hello guest");
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_EQ(taken_, "hello guest");
}

TEST_F(ConsoleRouting, WhatComesBetweenTwoGuestsIsKept) {
  Make();
  ConnectGuest(100, "never");
  console_->Disconnect();
  Type("kept\1x");
  // Ctrl-A X is heard without a guest.
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_EQ(taken_, "");
  ConnectGuest(100, "kept");
  EXPECT_EQ(taken_, "kept");
}

TEST_F(ConsoleRouting, AVirtioConsoleAndComOneWriteToTheSameFile) {
  options_.virtio_console = true;
  Make();
  const auto made = console_->VirtioOptions();
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->name, options_.console);
  EXPECT_EQ(made->columns, 80);
  const std::string first = "by COM1, ";
  console_->outputs()[0]({reinterpret_cast<const uint8_t*>(first.data()), first.size()});
  ASSERT_EQ(::write(made->output.raw(), "by virtio", 9), 9);
  EXPECT_EQ(Output(), "by COM1, by virtio");
  EXPECT_FALSE(console_->size());
}

TEST_F(ConsoleRouting, WithACommandTheConsoleHasNoInput) {
  options_.exec = "true";
  options_.virtio_console = true;
  Make();
  ConnectGuest(100, "never");
  Type("x");
  loop_->Post([this] { loop_->Stop(); });
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_EQ(taken_, "");
  EXPECT_FALSE(console_->reached_command());
  EXPECT_EQ(console_->VirtioOptions()->name, options_.console);
}

TEST_F(ConsoleRouting, AFileThatCannotBeWrittenIsNamed) {
  options_.console = folder_.path();
  EXPECT_THAT(Console::Create(*loop_, options_, [] {}),
              FailsWith(base::Code::kUsage, HasSubstr("--console")));
}

}  // namespace
}  // namespace vmm
