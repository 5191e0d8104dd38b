#include "vmm/virtio/net/settings.h"

#include <fmt/format.h>

#include <string>

#include "sysfs/base/text.h"
#include "vmm/virtio/rate_limit.h"
#include "vmm/virtio/setting.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

constexpr uint64_t kMostMtu = 65535;

base::Failure Unknown(std::string_view part) {
  return Fail(Code::kUsage, fmt::format("unknown option \"{}\"", part),
              fmt::format("a network device is {}", kNetForm));
}

base::Result<unsigned> ParseCount(std::string_view part, std::string_view value, uint64_t least,
                                  uint64_t most) {
  const auto count = base::ParseDecimal(value, most);
  if (count && *count >= least) return static_cast<unsigned>(*count);
  return Fail(Code::kUsage, fmt::format("{}: not a number that is possible", part),
              fmt::format("use {} to {}", least, most));
}

base::Result<std::string> ParseText(std::string_view part, std::string_view value) {
  if (!value.empty()) return std::string(value);
  return Fail(Code::kUsage, fmt::format("{}: its value is empty", part));
}

base::Status ParseTap(const Setting& setting, NetOptions& net, TapLink& tap) {
  const auto& [part, name, value] = setting;
  if (name == "ifname") {
    tap.interface = TRY(ParseText(part, value));
  } else if (name == "queues") {
    net.queues = TRY(ParseCount(part, value, 1, kMostNetQueues));
  } else if (name == "vhost") {
    tap.vhost = part == "vhost" || TRY(ParseSwitch(setting));
  } else {
    return Fail(Code::kUsage, fmt::format("tap: \"{}\" is no option of it", part),
                fmt::format("a network device is {}", kNetForm));
  }
  return {};
}

base::Status ParseSocket(std::string_view name, std::string_view value, std::string_view part,
                         SocketLink& socket) {
  if (name == "path") {
    socket.path = TRY(ParseText(part, value));
  } else if (part == "listen") {
    socket.listen = true;
  } else {
    return Fail(Code::kUsage, fmt::format("socket: \"{}\" is no option of it", part),
                fmt::format("a network device is {}", kNetForm));
  }
  return {};
}

base::Status ParseOne(const Setting& setting, NetOptions& net) {
  const auto& [part, name, value] = setting;
  if (name == "mac") {
    auto mac = ParseMac(value);
    if (!mac) return base::Failure(std::move(mac).error().With("mac="));
    net.mac = *mac;
    return {};
  }
  if (name == "mtu") {
    net.mtu = static_cast<uint16_t>(TRY(ParseCount(part, value, kLeastMtu, kMostMtu)));
    return {};
  }
  if (name == "rate") {
    auto rate = ParseByteRate(value);
    if (!rate) return base::Failure(std::move(rate).error().With("rate="));
    net.rate = *rate;
    return {};
  }
  if (name == "packed") {
    net.packed = TRY(ParseSwitch(setting));
    return {};
  }
  if (name == "standby") {
    net.standby = TRY(ParseText(part, value));
    return {};
  }
  if (auto* const tap = std::get_if<TapLink>(&net.link)) {
    return ParseTap(setting, net, *tap);
  }
  return ParseSocket(name, value, part, std::get<SocketLink>(net.link));
}

}  // namespace

base::Result<NetOptions> ParseNet(const std::vector<std::string_view>& parts) {
  NetOptions net;
  if (parts.front() == "socket") {
    net.link = SocketLink{};
  } else if (parts.front() != "tap") {
    return Unknown(parts.front());
  }
  const auto settings = TRY(ParseSettings(std::span(parts).subspan(1)));
  for (const Setting& one : settings) TRY(ParseOne(one, net));
  const auto* const tap = std::get_if<TapLink>(&net.link);
  if (net.rate != 0 && tap != nullptr && tap->vhost) {
    return Fail(Code::kUsage, "rate=: with vhost=on the machine sees no frame",
                "use vhost=off, or tc(8) on the tap");
  }
  if (net.packed && tap != nullptr && tap->vhost) {
    return Fail(Code::kUsage, "packed=on: the host's kernel (vhost=on) knows split queues alone",
                "use vhost=off or packed=off");
  }
  if (!net.standby.empty() && !net.mac) {
    return Fail(
        Code::kUsage, "standby=: mac= is missing",
        "the guest joins two devices of one address: say which; a virtual function gets it, "
        "a whole card has its own");
  }
  const auto* const socket = std::get_if<SocketLink>(&net.link);
  if (socket != nullptr && socket->path.empty()) {
    return Fail(Code::kUsage, "socket: path= is missing", "name the Unix socket of the other side");
  }
  return net;
}

}  // namespace vmm::virtio
