// The server on a loop of its own thread, with clients that behave and clients that do not.
#include "vmm/control/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace {

std::atomic<bool> no_descriptor_is_free{false};
std::atomic<int> refused_accepts{0};

}  // namespace

// Stands before the C library's. Really filling the table of descriptors would fail the sanitizers
// too: UBSan looks at memory through a pipe.
extern "C" int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (!no_descriptor_is_free) {
    return static_cast<int>(::syscall(SYS_accept4, fd, address, length, flags));
  }
  ++refused_accepts;
  refused_accepts.notify_all();
  errno = EMFILE;
  return -1;
}

namespace vmm::control {
namespace {

using test::IsOk;
using testing::HasSubstr;

constexpr std::string_view kNegotiate = "{\"execute\": \"qmp_capabilities\"}\n";
constexpr std::string_view kStatus = "{\"execute\": \"query-status\"}\n";
constexpr int kPatience = 60'000;  // ms; only a hang takes so long

// One end of a connection, blocking.
class TestClient {
 public:
  explicit TestClient(const std::string& path) {
    auto fd = ConnectTo(path);
    EXPECT_THAT(fd, IsOk());
    if (fd) fd_ = std::move(*fd);
    ::fcntl(fd_.raw(), F_SETFL, 0);
  }

  // False when the other end is gone.
  bool Say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(fd_.raw(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  // The next line; empty at the end of the connection.
  std::string Line() {
    size_t end = 0;
    while ((end = text_.find('\n')) == std::string::npos) {
      pollfd wait{fd_.raw(), POLLIN, 0};
      if (::poll(&wait, 1, kPatience) != 1) {
        ADD_FAILURE() << "no answer";
        return "";
      }
      std::array<char, 4096> bytes;
      const ssize_t count = ::recv(fd_.raw(), bytes.data(), bytes.size(), 0);
      if (count <= 0) return "";
      text_.append(bytes.data(), static_cast<size_t>(count));
    }
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }
  void Negotiate() {
    EXPECT_THAT(Line(), HasSubstr("QMP"));
    EXPECT_TRUE(Say(kNegotiate));
    EXPECT_THAT(Line(), HasSubstr("return"));
  }
  int raw() const { return fd_.raw(); }

 private:
  base::Fd fd_;
  std::string text_;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_THAT(loop, IsOk());
    loop_ = std::move(*loop);
    auto socket = ListeningSocket::Create(path_);
    ASSERT_THAT(socket, IsOk());
    auto server = Server::Create(*loop_, std::move(*socket),
                                 [this](const Command&) -> std::optional<Answer<Json>> {
                                   ++commands_;
                                   if (!later_.exchange(false)) return Answer<Json>(answer_);
                                   asking_ = server_->asking();
                                   return std::nullopt;
                                 });
    ASSERT_THAT(server, IsOk());
    server_ = std::move(*server);
    thread_ = std::thread([this] { EXPECT_THAT(loop_->Run(), IsOk()); });
  }
  void TearDown() override {
    loop_->Stop();
    thread_.join();
  }
  // On the loop's thread, and back.
  template <class Function>
  void OnLoop(Function function) {
    std::atomic<bool> done{false};
    loop_->Post([&] {
      function();
      done = true;
      done.notify_one();
    });
    done.wait(false);
  }
  // Whether the machine's side still does what others ask.
  void ExpectServes() {
    TestClient client(path_);
    client.Negotiate();
    ASSERT_TRUE(client.Say(kStatus));
    EXPECT_THAT(client.Line(), HasSubstr("return"));
  }
  size_t clients() {
    size_t count = 0;
    OnLoop([&] { count = server_->client_count(); });
    return count;
  }

  test::TempFolder folder_;
  const std::string path_ = folder_.path() + "/s";
  Json answer_ = Json::object();
  std::atomic<unsigned> commands_{0};
  std::atomic<bool> later_{false};  // the next command is not answered
  std::atomic<uint64_t> asking_{0};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_F(ServerTest, GreetsNegotiatesAndAnswers) { ExpectServes(); }

TEST_F(ServerTest, BytesOneByOne) {
  TestClient client(path_);
  client.Line();
  for (const char byte : std::string(kNegotiate) + std::string(kStatus)) {
    ASSERT_TRUE(client.Say({&byte, 1}));
  }
  EXPECT_THAT(client.Line(), HasSubstr("return"));
  EXPECT_THAT(client.Line(), HasSubstr("return"));
}

TEST_F(ServerTest, EventsGoToThoseWhoHaveNegotiated) {
  TestClient one(path_), two(path_), silent(path_);
  one.Negotiate();
  two.Negotiate();
  silent.Line();
  OnLoop([&] { server_->Announce("STOP", {}); });
  EXPECT_THAT(one.Line(), HasSubstr("STOP"));
  EXPECT_THAT(two.Line(), HasSubstr("STOP"));
  // The next that it hears is the reply.
  ASSERT_TRUE(silent.Say(kNegotiate));
  EXPECT_THAT(silent.Line(), HasSubstr("return"));
}

TEST_F(ServerTest, WhoWaitsForAnAnswerHoldsUpNobody) {
  TestClient client(path_);
  client.Negotiate();
  later_ = true;
  ASSERT_TRUE(client.Say(kStatus));
  while (later_) std::this_thread::yield();
  ASSERT_TRUE(client.Say(kStatus));
  ExpectServes();
  OnLoop([&] { server_->Announce("STOP", {}); });
  EXPECT_THAT(client.Line(), HasSubstr("STOP"));
  OnLoop([&] { server_->Finish(asking_, tl::unexpected(Refusal{"GenericError", "late"})); });
  EXPECT_THAT(client.Line(), HasSubstr("late"));
  EXPECT_THAT(client.Line(), HasSubstr("return"));
  EXPECT_EQ(commands_, 3u);
}

TEST_F(ServerTest, AnAnswerForWhoHasGoneIsDropped) {
  {
    TestClient client(path_);
    client.Negotiate();
    later_ = true;
    ASSERT_TRUE(client.Say(kStatus));
    while (later_) std::this_thread::yield();
  }
  OnLoop([&] { server_->Finish(asking_, Json::object()); });
  OnLoop([&] { server_->Finish(asking_, Json::object()); });
  ExpectServes();
}

TEST_F(ServerTest, AHundredClientsAtOnce) {
  std::vector<std::unique_ptr<TestClient>> all;
  for (int i = 0; i < 100; ++i) all.push_back(std::make_unique<TestClient>(path_));
  for (const auto& client : all) client->Negotiate();
  for (const auto& client : all) ASSERT_TRUE(client->Say(kStatus));
  for (const auto& client : all) EXPECT_THAT(client->Line(), HasSubstr("return"));
  EXPECT_EQ(clients(), 100u);
  all.clear();
  ExpectServes();
}

TEST_F(ServerTest, MoreClientsThanThereIsRoomForAreTurnedAway) {
  std::vector<std::unique_ptr<TestClient>> all;
  for (size_t i = 0; i < Server::kMaxClients; ++i) {
    all.push_back(std::make_unique<TestClient>(path_));
    EXPECT_NE(all.back()->Line(), "");
  }
  EXPECT_EQ(TestClient(path_).Line(), "");
  all.pop_back();
  while (clients() == Server::kMaxClients) std::this_thread::yield();
  ExpectServes();
}

TEST_F(ServerTest, ALineOfTenMegabytesEndsItsClientAlone) {
  TestClient client(path_);
  client.Negotiate();
  client.Say("{\"execute\": \"" + std::string(10 << 20, 'x') + "\"}");
  // The server does not read on, so that the reply may be cut off by the reset.
  const std::string last = client.Line();
  if (!last.empty()) {
    EXPECT_THAT(last, HasSubstr("longer than 65536"));
    EXPECT_EQ(client.Line(), "");
  }
  ExpectServes();
}

TEST_F(ServerTest, GarbageEndsItsClientWithAnError) {
  TestClient client(path_);
  client.Line();
  ASSERT_TRUE(client.Say("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(client.Line(), HasSubstr("not a JSON object"));
  EXPECT_EQ(client.Line(), "");
  ExpectServes();
}

TEST_F(ServerTest, AClientThatDoesNotReadItsRepliesWaitsAlone) {
  answer_ = std::string(30'000, 'x');
  TestClient client(path_);
  client.Negotiate();
  std::string many;
  constexpr int kCommands = 1000;
  for (int i = 0; i < kCommands; ++i) many += kStatus;
  std::thread speaker([&] { client.Say(many); });
  ExpectServes();
  // It reads at last, and everything is there.
  for (int i = 0; i < kCommands; ++i) ASSERT_THAT(client.Line(), HasSubstr("xxx"));
  speaker.join();
}

TEST_F(ServerTest, AClientThatDoesNotReadEventsIsDropped) {
  TestClient client(path_);
  client.Negotiate();
  const Json data = {{"text", std::string(10'000, 'x')}};
  OnLoop([&] {
    for (int i = 0; i < 1000; ++i) server_->Announce("STOP", data);
  });
  EXPECT_EQ(clients(), 0u);
  ExpectServes();
}

TEST_F(ServerTest, ClosingMidway) {
  answer_ = std::string(200'000, 'x');
  for (int i = 0; i < 20; ++i) {
    TestClient client(path_);
    client.Negotiate();
    client.Say(std::string(kStatus) + std::string(kStatus) + "{\"execute\": ");
  }
  ExpectServes();
}

TEST_F(ServerTest, WhoWaitsForTheEndFindsNoSocketThen) {
  TestClient client(path_);
  client.Negotiate();
  bool there = true;
  std::thread waiter([&] {
    EXPECT_EQ(client.Line(), "");
    there = std::filesystem::exists(path_);
  });
  OnLoop([&] { server_.reset(); });
  waiter.join();
  EXPECT_FALSE(there);
}

TEST_F(ServerTest, WithoutDescriptorsTheLoopGoesOn) {
  TestClient waiting(path_);
  waiting.Negotiate();
  refused_accepts = 0;
  no_descriptor_is_free = true;
  TestClient late(path_);
  refused_accepts.wait(0);
  ASSERT_TRUE(waiting.Say(kStatus));
  EXPECT_THAT(waiting.Line(), HasSubstr("return"));
  no_descriptor_is_free = false;
  late.Negotiate();
}

}  // namespace
}  // namespace vmm::control
