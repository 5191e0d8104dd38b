// A machine's monitor on a thread of its own, for commands that talk to one.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tests/support/temp_folder.h"
#include "vmm/control/registry.h"
#include "vmm/control/server.h"

namespace test {

class FakeMonitor {
 public:
  // Named "one" in `folder`; `handler` answers, on the other thread.
  FakeMonitor(const std::string& folder, vmm::control::Handler handler) {
    namespace control = vmm::control;
    const std::string path = control::SocketOf(folder, "one");
    auto claim = control::NameClaim::Take(
        folder, {"one", 4711, path, control::SecondsSinceBoot(), 2, uint64_t{512} << 20});
    if (claim) claim_.emplace(std::move(*claim));
    auto loop = vmm::EventLoop::Create();
    auto socket = control::ListeningSocket::Create(path);
    if (!loop || !socket || !claim_) {
      ADD_FAILURE() << "no monitor";
      return;
    }
    loop_ = std::move(*loop);
    auto server = control::Server::Create(*loop_, std::move(*socket), std::move(handler));
    if (server) server_ = std::move(*server);
    thread_ = std::thread([this] { EXPECT_TRUE(loop_->Run().has_value()); });
  }
  FakeMonitor(const FakeMonitor&) = delete;
  FakeMonitor& operator=(const FakeMonitor&) = delete;
  ~FakeMonitor() { End(); }

  // The machine ends: connections close, the name is free. Not from its own thread.
  void End() {
    if (!thread_.joinable()) return;
    loop_->Stop();
    thread_.join();
    server_.reset();
    claim_.reset();
  }
  vmm::EventLoop& loop() { return *loop_; }
  vmm::control::Server& server() { return *server_; }
  // What the handler may call to end the server after its reply.
  void CloseSoon() {
    loop_->Post([this] { server_.reset(); });
  }

 private:
  std::optional<vmm::control::NameClaim> claim_;
  std::unique_ptr<vmm::EventLoop> loop_;
  std::unique_ptr<vmm::control::Server> server_;
  std::thread thread_;
};

}  // namespace test
