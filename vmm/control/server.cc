#include "vmm/control/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "sysfs/base/log.h"
#include "vmm/control/message.h"

namespace vmm::control {
namespace {

constexpr std::chrono::seconds kRetry{1};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::Create(EventLoop& loop, ListeningSocket socket,
                                                     Handler handler) {
  std::unique_ptr<Server> server(new Server(loop, std::move(socket), std::move(handler)));
  server->retry_ = TRY(Timer::Create(loop, [raw = server.get()] {
    if (auto again = raw->Listen(); !again) {
      base::Log(base::Level::kError, "monitor: {}", again.error().message());
    }
  }));
  TRY(server->Listen());
  return server;
}

base::Status Server::Listen() {
  watch_ = TRY(loop_->Add(socket_.fd(), [this] { Accept(); }));
  return {};
}

void Server::Accept() {
  auto client = socket_.Accept();
  if (!client) {
    // Most likely no descriptor is free: the loop would spin on a socket that stays readable.
    base::Log(base::Level::kWarning, "monitor: {}", client.error().message());
    watch_ = Watch();
    static_cast<void>(retry_->Arm(kRetry));
    return;
  }
  if (*client) Admit(std::move(**client));
}

void Server::Admit(base::Fd fd) {
  const auto peer = PeerOf(fd);
  if (!peer || (peer->uid != 0 && peer->uid != ::geteuid())) return;
  if (clients_.size() >= kMaxClients) return;
  const uint64_t id = next_id_++;
  auto client = std::make_shared<Client>();
  client->fd = std::move(fd);
  clients_[id] = client;
  WatchFor(id, client, Wait::kReadable);
  Send(id, client, Greeting());
}

void Server::WatchFor(uint64_t id, const ClientPtr& client, Wait wait) {
  if (client->gone) return;
  client->watch = Watch();  // a descriptor is watched once
  auto watch = loop_->Add(
      client->fd,
      [this, id, wait] {
        if (wait == Wait::kReadable) {
          Read(id);
        } else {
          Write(id);
        }
      },
      wait);
  if (!watch) return Drop(id, client);
  client->watch = std::move(*watch);
}

void Server::Read(uint64_t id) {
  const ClientPtr client = clients_.at(id);
  std::array<char, 4096> bytes;
  const ssize_t count = ::recv(client->fd.raw(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return Drop(id, client);
  client->session.Feed({bytes.data(), static_cast<size_t>(count)});
  AnswerAll(id, client);
}

void Server::Write(uint64_t id) {
  const ClientPtr client = clients_.at(id);
  Flush(id, client);
  if (client->gone || !client->output.empty()) return;
  if (client->session.busy()) {
    client->watch = Watch();
    return;
  }
  WatchFor(id, client, Wait::kReadable);
  AnswerAll(id, client);
}

// As many requests as the client takes replies.
void Server::AnswerAll(uint64_t id, const ClientPtr& client) {
  while (!client->gone && client->output.empty()) {
    asking_ = id;
    const auto reply = client->session.Next(handler_);
    if (client->session.busy() && !client->gone && client->output.empty()) client->watch = Watch();
    if (!reply) return;
    Send(id, client, *reply);
    if (client->session.ended()) return Drop(id, client);
  }
}

void Server::Finish(uint64_t client_id, const Answer<Json>& answer) {
  const auto found = clients_.find(client_id);
  if (found == clients_.end() || !found->second->session.busy()) return;
  const ClientPtr client = found->second;
  Send(client_id, client, client->session.Finish(answer));
  if (client->gone || !client->output.empty()) return;
  WatchFor(client_id, client, Wait::kReadable);
  AnswerAll(client_id, client);
}

void Server::Send(uint64_t id, const ClientPtr& client, std::string_view text) {
  if (client->gone) return;
  if (client->output.size() + text.size() > kMaxOutput) {
    base::Log(base::Level::kWarning, "monitor: a client that does not read was dropped");
    return Drop(id, client);
  }
  const bool had_output = !client->output.empty();
  client->output += text;
  if (had_output) return;
  Flush(id, client);
  if (!client->output.empty()) WatchFor(id, client, Wait::kWritable);
}

void Server::Flush(uint64_t id, const ClientPtr& client) {
  const ssize_t count = ::send(client->fd.raw(), client->output.data(), client->output.size(),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return Drop(id, client);
  client->output.erase(0, static_cast<size_t>(count));
}

void Server::Drop(uint64_t id, const ClientPtr& client) {
  client->gone = true;
  client->watch = Watch();
  clients_.erase(id);
}

void Server::Announce(std::string_view event, const Json& data) {
  const std::string text = EventText(event, data, std::chrono::system_clock::now());
  const auto clients = clients_;  // a client may be dropped meanwhile
  for (const auto& [id, client] : clients) {
    if (client->session.negotiated()) Send(id, client, text);
  }
}

}  // namespace vmm::control
