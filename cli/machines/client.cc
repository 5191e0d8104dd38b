#include "cli/machines/client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "vmm/control/socket.h"

namespace cli {
namespace {

using base::Code;
using vmm::control::Json;

constexpr size_t kMaxReply = size_t{16} << 20;

base::Failure Refused(const std::string& name, const Json& error) {
  const auto text = [&](const char* member) {
    const bool there = error.is_object() && error.contains(member) && error[member].is_string();
    return there ? error[member].get<std::string>() : std::string();
  };
  const std::string kind = text("class");
  const Code code = kind == "DeviceNotFound"    ? Code::kNotFound
                    : kind == "CommandNotFound" ? Code::kUnsupported
                                                : Code::kKernel;
  return base::Fail(code, fmt::format("{}: {}", name, text("desc")));
}

}  // namespace

MonitorClient::MonitorClient(std::string name, base::Fd fd, Patience patience)
    : name_(std::move(name)), fd_(std::move(fd)), patience_(patience), stream_(kMaxReply) {}

base::Result<MonitorClient> MonitorClient::Connect(const std::string& name, const std::string& path,
                                                   Patience patience) {
  auto fd = vmm::control::ConnectTo(path);
  if (!fd && fd.error().err() == EAGAIN) {
    return base::Fail(Code::kTimedOut, name + ": too many clients wait for its monitor");
  }
  MonitorClient client(name, TRY(std::move(fd)), patience);
  const Json greeting = TRY(client.Next(std::chrono::steady_clock::now() + patience));
  if (!greeting.contains("QMP")) return base::Fail(Code::kKernel, name + ": does not speak QMP");
  TRY(client.Execute("qmp_capabilities"));
  return client;
}

base::Result<Json> MonitorClient::Execute(std::string_view command, const Json& arguments) {
  Json request = {{"execute", command}};
  if (!arguments.is_null()) request["arguments"] = arguments;
  Json reply = TRY(Send(vmm::control::Text(request)));
  if (reply.contains("error")) return Refused(name_, reply["error"]);
  return reply["return"];
}

base::Result<Json> MonitorClient::Send(std::string_view request) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  TRY(Write(std::string(request) + "\n", deadline));
  while (true) {
    Json message = TRY(Next(deadline));
    if (message.contains("return") || message.contains("error")) return message;
  }
}

base::Status MonitorClient::WaitForDeparture(std::string_view device, Patience patience,
                                             bool may_stay) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const Json message = TRY(Next(deadline));
    const auto member = [](const Json& object, const char* name) {
      return object.is_object() && object.contains(name) ? object[name] : Json();
    };
    if (member(member(message, "data"), "device") != std::string(device)) continue;
    const Json event = member(message, "event");
    if (event == "DEVICE_DELETED") return {};
    if (!may_stay || event != "DEVICE_UNPLUG_GUEST_ERROR") continue;
    return base::Fail(
        Code::kTimedOut,
        fmt::format("{}: the guest did not let go of {} in time, and keeps it", name_, device),
        "ask again with a longer timeout=, or take it: force=true");
  }
}

base::Status MonitorClient::WaitForEnd() {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  while (TRY(Receive(deadline))) objects_.clear();
  return {};
}

base::Status MonitorClient::Write(std::string_view text, Deadline deadline) const {
  while (!text.empty()) {
    TRY(WaitFor(POLLOUT, deadline));
    const ssize_t count = ::send(fd_.raw(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) return base::Fail(Code::kNotFound, name_ + ": the machine has ended");
    text.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

base::Result<Json> MonitorClient::Next(Deadline deadline) {
  while (objects_.empty()) {
    if (!TRY(Receive(deadline))) {
      return base::Fail(Code::kNotFound, name_ + ": the machine has ended or turned us away");
    }
  }
  Json message = Json::parse(objects_.front(), nullptr, false);
  objects_.pop_front();
  if (!message.is_object()) return base::Fail(Code::kKernel, name_ + ": does not speak QMP");
  return message;
}

base::Result<bool> MonitorClient::Receive(Deadline deadline) {
  TRY(WaitFor(POLLIN, deadline));
  std::array<char, 8192> bytes;
  const ssize_t count = ::recv(fd_.raw(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count <= 0) return false;
  std::vector<std::string> objects;
  if (auto fed = stream_.Feed({bytes.data(), static_cast<size_t>(count)}, objects); !fed) {
    return base::Failure(std::move(fed).error().With(name_).WithCode(Code::kKernel));
  }
  std::move(objects.begin(), objects.end(), std::back_inserter(objects_));
  return true;
}

base::Status MonitorClient::WaitFor(short events, Deadline deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<Patience>(deadline - std::chrono::steady_clock::now());
    pollfd wait{fd_.raw(), events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return base::FailErrno("poll", errno);
    if (left.count() > 0) continue;
    return base::Fail(Code::kTimedOut,
                      fmt::format("{}: did not answer within {} ms", name_, patience_.count()),
                      "--timeout SECONDS gives it more time");
  }
}

}  // namespace cli
