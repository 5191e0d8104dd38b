// UNIX stream sockets of the monitor (unix(7)): the listening end with its file, and the other end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::control {

// Move-only. The file goes with it, unless somebody has put another one there.
class ListeningSocket {
 public:
  // Mode 0600, non-blocking. The file of a dead process is replaced. kInUse names the process that
  // listens there already; kUsage: the path is too long for a socket, or is some other file.
  static base::Result<ListeningSocket> Create(const std::string& path);
  ListeningSocket(ListeningSocket&& other) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&& other) = delete;
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket();

  const base::Fd& fd() const { return fd_; }
  // The next client, non-blocking; nothing when none waits any more.
  base::Result<std::optional<base::Fd>> Accept() const;

 private:
  ListeningSocket(base::Fd fd, std::string path, dev_t device, ino_t inode)
      : fd_(std::move(fd)), path_(std::move(path)), device_(device), inode_(inode) {}
  base::Fd fd_;
  std::string path_;
  dev_t device_;
  ino_t inode_;
};

// kNotFound when nobody listens there.
base::Result<base::Fd> ConnectTo(const std::string& path);

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
// Who connected, or who listens (SO_PEERCRED).
base::Result<Peer> PeerOf(const base::Fd& fd);

// Removes the file when it is a socket where nobody listens. Whether there is none now.
bool RemoveIfDead(const std::string& path);

// kUsage when the path does not fit into a socket's address.
base::Status CheckSocketPath(const std::string& path);

}  // namespace vmm::control
