#include "vmm/control/session.h"

#include <utility>
#include <vector>

#include "vmm/control/message.h"

namespace vmm::control {

void Session::Feed(std::string_view bytes) {
  std::vector<std::string> objects;
  if (auto fed = stream_.Feed(bytes, objects); !fed) broken_ = std::move(fed).error();
  for (std::string& object : objects) requests_.push(std::move(object));
}

Answer<Json> Session::Do(const Command& command, const Handler& handler) {
  const auto* const verb = std::get_if<Verb>(&command);
  const bool negotiates = verb != nullptr && *verb == Verb::kCapabilities;
  if (negotiates == negotiated_) {
    return tl::unexpected(Refusal{"CommandNotFound", negotiated_
                                                         ? "qmp_capabilities was done before"
                                                         : "qmp_capabilities has to come first"});
  }
  if (!negotiates) return handler(command);
  negotiated_ = true;
  return Json::object();
}

std::optional<std::string> Session::Next(const Handler& handler) {
  if (requests_.empty()) {
    if (!broken_) return std::nullopt;
    ended_ = true;
    const Refusal why = RefusalOf(*std::exchange(broken_, std::nullopt));
    return ReplyText({}, tl::unexpected(why));
  }
  const std::string text = std::move(requests_.front());
  requests_.pop();
  const Request request = ParseRequest(text);
  if (!request.command) return ReplyText(request.id, tl::unexpected(request.command.error()));
  return ReplyText(request.id, Do(*request.command, handler));
}

}  // namespace vmm::control
