// Handles of libnl for this folder's questions to the kernel (rtnetlink(7)).
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <memory>

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

}  // namespace sysfs
