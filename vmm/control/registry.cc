#include "vmm/control/registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <span>

#include "sysfs/base/folder.h"
#include "sysfs/base/text.h"
#include "vmm/control/json.h"
#include "vmm/control/socket.h"

namespace vmm::control {
namespace {

using base::Code;

constexpr size_t kMaxName = 64;
constexpr size_t kMaxRecord = 4096;
constexpr std::string_view kSuffix = ".machine";

std::string RecordPath(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}{}", folder, name, kSuffix);
}

// The last two folders belong to this program; what is above them is the system's.
base::Status MakeFolder(const std::string& folder) {
  const std::string above = folder.substr(0, folder.rfind('/'));
  if (::mkdir(above.c_str(), 0755) < 0 && errno != EEXIST) return base::FailErrno(above, errno);
  if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST) return base::FailErrno(folder, errno);
  return {};
}

base::Status Lock(const base::Fd& fd, int how) {
  while (::flock(fd.raw(), how) != 0) {
    if (errno != EINTR) return base::FailErrno("flock", errno);
  }
  return {};
}

// Held for a few calls only; the folder is its user's own, so nobody else can hold it.
base::Result<base::Fd> LockFolder(const std::string& folder) {
  base::Fd fd = TRY(base::OpenFile(folder, O_RDONLY | O_DIRECTORY));
  TRY(Lock(fd, LOCK_EX));
  return fd;
}

// The record of a living machine. The folder is locked.
std::optional<MachineRecord> Judge(const std::string& folder, std::string_view name,
                                   Leftovers leftovers = Leftovers::kRemove) {
  const std::string path = RecordPath(folder, name);
  const auto fd = base::OpenFile(path, O_RDONLY);
  if (!fd) return std::nullopt;
  const bool dead = Lock(*fd, LOCK_EX | LOCK_NB).has_value();
  MachineRecord record;
  record.name = name;
  if (const auto text = base::ReadFile(path, kMaxRecord)) {
    if (auto parsed = ParseRecord(name, *text)) record = std::move(*parsed);
  }
  if (!dead) return record;
  if (leftovers == Leftovers::kKeep) return std::nullopt;
  if (!record.socket.empty()) RemoveIfDead(record.socket);
  ::unlink(path.c_str());
  return std::nullopt;
}

}  // namespace

base::Status CheckMachineName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool is_name = !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
                       std::all_of(name.begin(), name.end(), good);
  if (is_name) return {};
  return base::Fail(Code::kUsage, fmt::format("{}: not a name of a machine", base::Quote(name)),
                    "letters, digits, '.', '_' and '-', at most 64");
}

base::Result<std::string> RuntimeFolder() {
  if (::geteuid() == 0) return "/run/vassign/vmm";
  const char* const own = std::getenv("XDG_RUNTIME_DIR");
  if (own != nullptr && own[0] == '/') return std::string(own) + "/vassign/vmm";
  return base::Fail(Code::kUsage, "XDG_RUNTIME_DIR is not set: there is no folder for names",
                    "set it, or use --monitor SOCKET without --name");
}

std::string SocketOf(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}.sock", folder, name);
}

std::string FormatRecord(const MachineRecord& record) {
  const Json json = {{"pid", record.pid},
                     {"socket", record.socket},
                     {"started", record.started},
                     {"cpus", record.cpus},
                     {"memory", record.memory_bytes}};
  return Text(json) + "\n";
}

base::Result<MachineRecord> ParseRecord(std::string_view name, std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto number = [&](const char* member) -> std::optional<uint64_t> {
    if (!json.contains(member) || !json[member].is_number_unsigned()) return std::nullopt;
    return json[member].get<uint64_t>();
  };
  const bool has_socket = json.is_object() && json.contains("socket") && json["socket"].is_string();
  const auto pid = number("pid"), started = number("started");
  const auto cpus = number("cpus"), memory = number("memory");
  if (!has_socket || !pid || *pid > INT32_MAX || !started || !cpus || *cpus > UINT32_MAX ||
      !memory) {
    return base::Fail(Code::kUsage, fmt::format("{}: not a machine's record", name));
  }
  return MachineRecord{
      std::string(name), static_cast<int>(*pid),       json["socket"].get<std::string>(),
      *started,          static_cast<unsigned>(*cpus), *memory};
}

base::Result<NameClaim> NameClaim::Take(const std::string& folder, const MachineRecord& record) {
  TRY(CheckMachineName(record.name));
  TRY(MakeFolder(folder));
  const base::Fd lock = TRY(LockFolder(folder));
  if (const auto other = Judge(folder, record.name)) {
    return base::Fail(
        Code::kInUse,
        fmt::format("{}: process {} runs a machine of this name", record.name, other->pid),
        "choose another --name; vmm ps lists the machines");
  }
  const std::string path = RecordPath(folder, record.name);
  base::Fd fd = TRY(base::OpenFile(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
  TRY(Lock(fd, LOCK_EX | LOCK_NB));
  NameClaim claim(folder, path, std::move(fd));
  const std::string text = FormatRecord(record);
  TRY(base::WriteAll(claim.fd_, std::as_bytes(std::span(text))));
  return claim;
}

NameClaim::~NameClaim() {
  if (!fd_.valid()) return;
  // Nobody may open the record and find it dead between these two.
  const auto lock = LockFolder(folder_);
  ::unlink(path_.c_str());
  fd_.Close();
}

base::Result<std::vector<MachineRecord>> ListMachines(const std::string& folder,
                                                      Leftovers leftovers) {
  std::vector<MachineRecord> machines;
  const auto lock = LockFolder(folder);
  if (!lock) {
    if (lock.error().code() == Code::kNotFound) return machines;
    return base::Failure(lock.error());
  }
  const auto files = TRY(base::NamesIn(folder));
  for (const std::string& file : files) {
    std::string_view name = file;
    if (!name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    if (!CheckMachineName(name)) continue;
    if (auto record = Judge(folder, name, leftovers)) machines.push_back(std::move(*record));
  }
  return machines;
}

base::Result<MachineRecord> FindMachine(const std::string& folder, std::string_view name) {
  const auto machines = TRY(ListMachines(folder));
  std::vector<std::string> names;
  for (const MachineRecord& machine : machines) {
    if (machine.name == name) return machine;
    names.push_back(machine.name);
  }
  return base::Fail(Code::kNotFound, fmt::format("{}: no machine of this name runs", name),
                    names.empty() ? "vmm run --name NAME starts one"
                                  : fmt::format("there are: {}", fmt::join(names, ", ")));
}

uint64_t SecondsSinceBoot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec);
}

}  // namespace vmm::control
