// The monitor's socket: many clients, none of which can hold up the machine.
//
// A client has the machine's own user or is root. One that does not read loses its connection once
// kMaxOutput bytes wait for it; until it has read its replies nothing more is read from it. All
// from the thread of the event loop, which outlives the server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"
#include "vmm/control/session.h"
#include "vmm/control/socket.h"
#include "vmm/event_loop.h"

namespace vmm::control {

class Server {
 public:
  static constexpr size_t kMaxOutput = size_t{256} * 1024;
  static constexpr size_t kMaxClients = 128;  // more are turned away

  static base::Result<std::unique_ptr<Server>> Create(EventLoop& loop, ListeningSocket socket,
                                                      Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() = default;  // the socket's file goes, then all connections end

  // Whose command the handler has at hand; for Finish when it answers later. Until then nothing
  // more is read from that client.
  uint64_t asking() const { return asking_; }
  // After the handler has returned. Nothing happens when the client has gone.
  void Finish(uint64_t client, const control::Answer<Json>& answer);
  // To every client that has negotiated. `data` is null for none.
  void Announce(std::string_view event, const Json& data);
  size_t client_count() const { return clients_.size(); }

 private:
  struct Client {
    base::Fd fd;
    Session session;
    std::string output;  // what the socket has not taken
    bool gone = false;
    Watch watch;
  };
  using ClientPtr = std::shared_ptr<Client>;

  Server(EventLoop& loop, ListeningSocket socket, Handler handler)
      : loop_(&loop), handler_(std::move(handler)), socket_(std::move(socket)) {}
  base::Status Listen();
  void Accept();
  void Admit(base::Fd fd);
  void Read(uint64_t id);
  void Write(uint64_t id);
  void AnswerAll(uint64_t id, const ClientPtr& client);
  void Send(uint64_t id, const ClientPtr& client, std::string_view text);
  void Flush(uint64_t id, const ClientPtr& client);
  void WatchFor(uint64_t id, const ClientPtr& client, Wait wait);
  void Drop(uint64_t id, const ClientPtr& client);

  EventLoop* loop_;
  Handler handler_;
  std::map<uint64_t, ClientPtr> clients_;  // by a number that is never used again
  uint64_t next_id_ = 1;
  uint64_t asking_ = 0;
  ListeningSocket socket_;  // goes before the clients: who waits for the end finds no file
  Watch watch_;
  std::unique_ptr<Timer> retry_;  // of accept, when descriptors are short
};

}  // namespace vmm::control
