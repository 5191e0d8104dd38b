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

std::optional<Answer<Json>> Session::Do(const Command& command, const Handler& handler) {
  const auto* const verb = std::get_if<Verb>(&command);
  const bool negotiates = verb != nullptr && *verb == Verb::kCapabilities;
  if (negotiates == negotiated_) {
    const Refusal why = {"CommandNotFound", negotiated_ ? "qmp_capabilities was done before"
                                                        : "qmp_capabilities has to come first"};
    return Answer<Json>(tl::unexpected(why));
  }
  if (!negotiates) return handler(command);
  negotiated_ = true;
  return Answer<Json>(Json::object());
}

std::string Session::Finish(const Answer<Json>& answer) {
  const std::optional<Json> id = std::exchange(open_, std::nullopt)->id;
  return ReplyText(id, answer);
}

std::optional<std::string> Session::Next(const Handler& handler) {
  if (open_) return std::nullopt;
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
  const auto answer = Do(*request.command, handler);
  if (answer) return ReplyText(request.id, *answer);
  open_ = Open{request.id};
  return std::nullopt;
}

}  // namespace vmm::control
