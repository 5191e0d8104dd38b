#include "sysfs/assignment/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "sysfs/base/fd.h"
#include "sysfs/base/folder.h"

namespace sysfs {
namespace {

constexpr size_t kRecordLimit = size_t{64} * 1024;
constexpr std::string_view kSuffix = ".json";

base::Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST)
    return base::FailErrno("make " + path, errno);
  return {};
}

base::Status Synchronise(const base::Fd& fd, const std::string& path) {
  if (::fsync(fd.raw()) < 0) return base::FailErrno("write " + path + " to its disk", errno);
  return {};
}

base::Status SynchroniseFolder(const std::string& path) {
  return Synchronise(TRY(base::OpenFile(path, O_RDONLY | O_DIRECTORY)), path);
}

base::Failure Unusable(base::Error error, const std::string& path) {
  return base::Failure(std::move(error).With(path).WithHint(
      fmt::format("look at the device's driver by hand (vassign show), then remove {} and bind or "
                  "restore again",
                  path)));
}

}  // namespace

base::Status StoreRecordFile(const std::string& path, std::string_view text) {
  // One name a record: the host lock keeps others away, and what a killed run left is overwritten.
  const std::string draft = path + ".new";
  {
    const base::Fd fd = TRY(base::OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    TRY(base::WriteAll(fd, std::as_bytes(std::span(text))));
    TRY(Synchronise(fd, draft));
  }
  if (::rename(draft.c_str(), path.c_str()) < 0) return base::FailErrno("write " + path, errno);
  return SynchroniseFolder(path.substr(0, path.rfind('/')));
}

base::Status RemoveRecordFile(const std::string& path) {
  if (::unlink(path.c_str()) < 0) {
    if (errno == ENOENT) return {};
    return base::FailErrno("remove " + path, errno);
  }
  return SynchroniseFolder(path.substr(0, path.rfind('/')));
}

std::string Journal::RecordPath(const PciAddress& address) const {
  return fmt::format("{}/journal/{}{}", folder_, address.ToString(), kSuffix);
}

std::string Journal::LockPath(const PciAddress& address) const {
  return fmt::format("{}/locks/{}", folder_, address.ToString());
}

base::Result<bool> Journal::IsOfThisBoot(std::string_view boot_id) const {
  if (!boot_id_.empty()) return boot_id == boot_id_;
  return base::Fail(base::Code::kKernel,
                    "/proc/sys/kernel/random/boot_id: cannot be read: records of this boot cannot "
                    "be told from older ones",
                    "try again; nothing was changed");
}

base::Status Journal::Prepare() const {
  TRY(IsOfThisBoot({}));
  TRY(MakeFolder(folder_));
  TRY(MakeFolder(folder_ + "/journal"));
  return MakeFolder(folder_ + "/locks");
}

base::Result<std::optional<Record>> Journal::Find(const PciAddress& address) const {
  const std::string path = RecordPath(address);
  const auto text = base::ReadFile(path, kRecordLimit);
  if (!text) {
    if (text.error().err() == ENOENT) return std::optional<Record>();
    return base::Failure(text.error());
  }
  auto record = ParseRecord(*text);
  if (!record) return Unusable(std::move(record.error()), path);
  if (record->address != address) {
    return Unusable(base::Error(base::Code::kUsage,
                                "not a usable record: it is of " + record->address.ToString()),
                    path);
  }
  if (!TRY(IsOfThisBoot(record->boot_id))) return std::optional<Record>();
  return std::optional<Record>(std::move(*record));
}

base::Result<std::vector<PciAddress>> Journal::List() const {
  const auto names = base::NamesIn(folder_ + "/journal");
  std::vector<PciAddress> addresses;
  if (!names && names.error().err() == ENOENT) return addresses;
  if (!names) return base::Failure(names.error());
  for (std::string_view name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    const auto address = PciAddress::Parse(name);
    if (address && address->ToString() == name) addresses.push_back(*address);
  }
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

base::Status Journal::Store(const Record& record) const {
  return StoreRecordFile(RecordPath(record.address), FormatRecord(record));
}

base::Status Journal::Remove(const PciAddress& address) const {
  return RemoveRecordFile(RecordPath(address));
}

}  // namespace sysfs
