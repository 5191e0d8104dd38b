// The running host's answers that are no files.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>

#include "sysfs/apart.h"
#include "sysfs/base/fd.h"
#include "sysfs/evidence/address_dump.h"
#include "sysfs/evidence/distant_text.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/evidence/recorded.h"
#include "sysfs/evidence/route_dump.h"

namespace sysfs {
namespace {

// Asked of every open file of every process: not of the server of a file system, which may be gone.
std::optional<uint64_t> ReadDeviceNumber(const std::string& path) {
  struct statx status = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
    return std::nullopt;
  const uint64_t number = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  if (S_ISCHR(status.stx_mode)) return number;
  // The two kinds count separately.
  if (S_ISBLK(status.stx_mode)) return number | uint64_t{1} << 63;
  return std::nullopt;
}

bool IsClaimed(const std::string& path) {
  const auto opened = base::OpenFile(path, O_RDONLY | O_EXCL | O_NONBLOCK);
  if (opened) return false;
  const int err = opened.error().err();
  // Without a descriptor or memory it is not known.
  return err == EBUSY || err == EMFILE || err == ENFILE || err == ENOMEM;
}

// The lock of the network's interfaces is held for the whole of a driver's remove function.
constexpr std::chrono::seconds kPatience(5);

}  // namespace

EvidenceSources HostSources() {
  const auto apart = std::make_shared<Apart>(kPatience);
  EvidenceSources sources;
  sources.device_number = ReadDeviceNumber;
  sources.claimed = IsClaimed;
  sources.pid = ::getpid();
  sources.addresses = [apart]() -> base::Result<std::vector<HostAddress>> {
    const std::string text = TRY(apart->Ask("addresses", []() -> base::Result<std::string> {
      return FormatAddresses(TRY(DumpAddresses()));
    }));
    return ParseAddresses(text);
  };
  sources.routes = [apart]() -> base::Result<std::vector<HostRoute>> {
    const std::string text = TRY(apart->Ask(
        "routes", []() -> base::Result<std::string> { return FormatRoutes(TRY(DumpRoutes())); }));
    return ParseRoutes(text);
  };
  sources.route_to = [apart](const std::string& address) -> std::optional<std::string> {
    const auto name = apart->Ask("the route to " + address, [&]() -> base::Result<std::string> {
      return RouteTo(address).value_or("");
    });
    return name && !name->empty() ? std::optional(*name) : std::nullopt;
  };
  sources.distant = [apart] {
    const auto text = apart->Ask(
        "interfaces in other network namespaces",
        []() -> base::Result<std::string> { return FormatDistant(FindDistantInterfaces()); });
    if (text) return ParseDistant(*text);
    return std::vector<DistantInterface>{{text.error().message(), "", {"", "the host", ""}}};
  };
  return sources;
}

}  // namespace sysfs
