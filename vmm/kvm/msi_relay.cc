#include "vmm/kvm/msi_relay.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace vmm::kvm {
namespace {

bool TakeSignal(int event) {
  uint64_t times = 0;
  return ::read(event, &times, sizeof times) == sizeof times;
}

}  // namespace

base::Result<MsiRelay> MsiRelay::Create() {
  base::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return base::FailErrno("epoll_create1", errno);
  return MsiRelay(std::move(epoll));
}

base::Status MsiRelay::Add(int event, uint32_t gsi) {
  epoll_event wait{};
  wait.events = EPOLLIN;
  wait.data.fd = event;
  if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, event, &wait) != 0)
    return base::FailErrno("epoll_ctl", errno);
  waiting_[event] = gsi;
  return {};
}

bool MsiRelay::Remove(int event) {
  if (waiting_.erase(event) == 0) return false;
  static_cast<void>(::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, event, nullptr));
  return true;
}

void MsiRelay::Withdraw(int event) {
  if (Remove(event)) static_cast<void>(TakeSignal(event));
}

std::vector<uint32_t> MsiRelay::Take() {
  std::array<epoll_event, 32> signalled{};
  const int count =
      ::epoll_wait(epoll_.raw(), signalled.data(), static_cast<int>(signalled.size()), 0);
  std::vector<uint32_t> gsis;
  for (int i = 0; i < count; ++i) {
    const int event = signalled.at(static_cast<size_t>(i)).data.fd;
    if (TakeSignal(event)) gsis.push_back(waiting_.at(event));
  }
  return gsis;
}

}  // namespace vmm::kvm
