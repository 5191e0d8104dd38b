// The conversation with one client, without its socket: requests are cut out of its bytes, and
// nothing but qmp_capabilities is done before the negotiation (QMP specification, 4).
//
// Used by one thread.
#pragma once

#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <string_view>

#include "vmm/control/command.h"
#include "vmm/control/json.h"
#include "vmm/control/json_stream.h"

namespace vmm::control {

// Does a command; anything but the negotiation comes to it. Nothing: its answer comes later, by
// Finish.
using Handler = std::function<std::optional<Answer<Json>>(const Command&)>;

class Session {
 public:
  // Keeps the requests for Next. What is no QMP at all ends the conversation: after the replies to
  // what came before it there is an error, and ended() is true.
  void Feed(std::string_view bytes);

  // Does the next request that has come and returns its reply; nothing when none waits, or when one
  // is not answered yet: the order is the client's.
  std::optional<std::string> Next(const Handler& handler);
  // The reply to the request that the handler has left open.
  std::string Finish(const Answer<Json>& answer);
  // There is such a request.
  bool busy() const { return open_.has_value(); }

  bool waiting() const { return !requests_.empty() || broken_.has_value(); }
  bool ended() const { return ended_; }
  // Events go to clients that have negotiated.
  bool negotiated() const { return negotiated_; }

 private:
  std::optional<Answer<Json>> Do(const Command& command, const Handler& handler);

  JsonStream stream_;
  std::queue<std::string> requests_;
  std::optional<base::Error> broken_;
  struct Open {
    std::optional<Json> id;
  };
  std::optional<Open> open_;
  bool negotiated_ = false;
  bool ended_ = false;
};

}  // namespace vmm::control
