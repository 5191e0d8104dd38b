#include "vmm/control/socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vmm::control {
namespace {

using base::Code;

constexpr int kBacklog = 256;  // more than clients are served, so that none is refused unheard

base::Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::Fail(Code::kUsage, fmt::format("{}: a socket's path has 1 to {} bytes", path,
                                                sizeof address.sun_path - 1));
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

base::Result<base::Fd> NewSocket(int flags) {
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd.valid()) return base::FailErrno("socket", errno);
  return fd;
}

// EINTR or not, a connection on a UNIX socket is made at once or waits for the backlog.
int Connect(const base::Fd& fd, const sockaddr_un& address) {
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(fd.raw(), raw, sizeof address) == 0 ? 0 : errno;
}

base::Status RefuseLive(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) == 0 && !S_ISSOCK(file.st_mode)) {
    return base::Fail(Code::kUsage, path + ": is there and is no socket", "choose another path");
  }
  std::string who = "another process";
  if (const auto fd = ConnectTo(path)) {
    if (const auto peer = PeerOf(*fd)) who = fmt::format("process {}", peer->pid);
  }
  return base::Fail(Code::kInUse, fmt::format("{}: {} listens there", path, who),
                    "choose another path, or end that machine");
}

}  // namespace

base::Status CheckSocketPath(const std::string& path) {
  TRY(AddressOf(path));
  return {};
}

base::Result<ListeningSocket> ListeningSocket::Create(const std::string& path) {
  const sockaddr_un address = TRY(AddressOf(path));
  base::Fd fd = TRY(NewSocket(SOCK_NONBLOCK));
  // The mode of the file that bind makes: at no time can others connect.
  if (::fchmod(fd.raw(), 0600) != 0) return base::FailErrno(path, errno);
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  int bound = ::bind(fd.raw(), raw, sizeof address);
  if (bound != 0 && errno == EADDRINUSE) {
    if (!RemoveIfDead(path)) return base::Failure(RefuseLive(path).error());
    bound = ::bind(fd.raw(), raw, sizeof address);
  }
  if (bound != 0) return base::FailErrno(path, errno);
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return base::FailErrno(path, errno);
  ListeningSocket socket(std::move(fd), path, file.st_dev, file.st_ino);
  if (::listen(socket.fd_.raw(), kBacklog) != 0) return base::FailErrno(path, errno);
  return socket;
}

ListeningSocket::~ListeningSocket() {
  if (!fd_.valid()) return;
  struct stat file {};
  const bool ours =
      ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

base::Result<std::optional<base::Fd>> ListeningSocket::Accept() const {
  base::Fd client(::accept4(fd_.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.valid()) return std::optional<base::Fd>(std::move(client));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<base::Fd>();
  return base::FailErrno("accept", errno);
}

base::Result<base::Fd> ConnectTo(const std::string& path) {
  const sockaddr_un address = TRY(AddressOf(path));
  // A full backlog is EAGAIN and not a wait.
  base::Fd fd = TRY(NewSocket(SOCK_NONBLOCK));
  const int err = Connect(fd, address);
  if (err == 0) return fd;
  if (err == ECONNREFUSED || err == ENOENT) {
    return base::Fail(Code::kNotFound, path + ": no machine listens there");
  }
  return base::FailErrno(path, err);
}

base::Result<Peer> PeerOf(const base::Fd& fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd.raw(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return base::FailErrno("SO_PEERCRED", errno);
  }
  return Peer{credentials.pid, credentials.uid};
}

bool RemoveIfDead(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return errno == ENOENT;
  if (!S_ISSOCK(file.st_mode)) return false;
  const auto address = AddressOf(path);
  if (!address) return false;
  const auto fd = NewSocket(SOCK_NONBLOCK);
  if (!fd || Connect(*fd, *address) != ECONNREFUSED) return false;
  return ::unlink(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace vmm::control
