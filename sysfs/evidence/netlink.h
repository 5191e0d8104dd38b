// Handles and dumps of libnl for this folder's questions to the kernel (rtnetlink(7)).
#pragma once

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"

namespace sysfs {

struct FreeNetlinkSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct FreeNetlinkMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using NetlinkSocket = std::unique_ptr<nl_sock, FreeNetlinkSocket>;
using NetlinkMessage = std::unique_ptr<nl_msg, FreeNetlinkMessage>;

// To rtnetlink of the calling thread's network namespace; nothing, with errno set, when it cannot
// be had. Answers of any size are taken.
inline NetlinkSocket ConnectToRouting() {
  NetlinkSocket socket(nl_socket_alloc());
  if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) < 0) return nullptr;
  nl_socket_enable_msg_peek(socket.get());
  return socket;
}

// All that the kernel has of one kind (NLM_F_DUMP with a request of `type`), each message given to
// `take` with `to`. What changed under the dump is read again, after `clear`; one that keeps
// changing was read, if not at one moment. Otherwise libnl's error, negative, or 0.
template <class Request>
int DumpRouting(int type, Request request, nl_recvmsg_msg_cb_t take, void* to,
                const std::function<void()>& clear) {
  constexpr int kMostDumps = 3;
  int result = -NLE_DUMP_INTR;
  for (int attempt = 0; attempt < kMostDumps && result == -NLE_DUMP_INTR; ++attempt) {
    errno = 0;
    const NetlinkSocket socket = ConnectToRouting();
    if (!socket) return errno == EAFNOSUPPORT ? -NLE_AF_NOSUPPORT : -NLE_NOMEM;
    clear();
    nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, take, to);
    result = nl_send_simple(socket.get(), type, NLM_F_DUMP, &request, sizeof request);
    if (result >= 0) result = nl_recvmsgs_default(socket.get());
  }
  return result == -NLE_DUMP_INTR || result > 0 ? 0 : result;
}

inline base::Failure FailRouting(std::string_view what, int error) {
  return base::FailErrno(std::string(what) + ": " + nl_geterror(error), EIO);
}

}  // namespace sysfs
