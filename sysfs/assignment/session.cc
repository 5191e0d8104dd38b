#include "sysfs/assignment/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "sysfs/base/checksum.h"
#include "sysfs/base/folder.h"
#include "sysfs/base/text.h"

namespace sysfs {
namespace {

std::string Folder(const Journal& journal) { return journal.folder() + "/sessions"; }

base::Result<std::vector<std::string>> Names(const std::string& folder) {
  auto names = base::NamesIn(folder);
  if (!names && names.error().err() == ENOENT) return std::vector<std::string>();
  if (names) std::erase_if(*names, [](const std::string& name) { return name.starts_with("."); });
  return names;
}

// Whether somebody else holds the lock. Looking takes a shared one for a moment.
bool IsLocked(const std::string& path) {
  const auto file = base::OpenFile(path, O_RDONLY);
  return file && ::flock(file->raw(), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

// Beginning takes moments, ending as long as the devices' drivers need.
constexpr std::chrono::seconds kLockPatience{120};

}  // namespace

base::Result<FileLock> LockSessions(const Journal& journal) {
  TRY(journal.Prepare());
  const std::string folder = Folder(journal);
  if (::mkdir(folder.c_str(), 0755) < 0 && errno != EEXIST)
    return base::FailErrno("make " + folder, errno);
  FileLock lock =
      TRY(FileLock::Take(journal.folder() + "/lock-sessions", kLockPatience, base::Code::kLocked));
  TRY(lock.Note(fmt::format("{}\n", ::getpid())));
  return lock;
}

base::Result<Session> Session::Begin(const Journal& journal, int pid,
                                     const std::vector<PciAddress>& devices) {
  const FileLock all = TRY(LockSessions(journal));
  const std::string path = fmt::format("{}/{}", Folder(journal), pid);
  FileLock lock = TRY(FileLock::Take(path, std::chrono::milliseconds(0), base::Code::kLocked));
  TRY(lock.Note(FormatSession(pid, devices)));
  if (::fsync(lock.fd().raw()) < 0) return base::FailErrno("write " + path, errno);
  return Session(path, std::move(lock));
}

base::Status Session::End() { return RemoveRecordFile(path_); }

base::Result<std::vector<SessionNote>> ListSessions(const Journal& journal) {
  std::vector<SessionNote> notes;
  const std::string folder = Folder(journal);
  for (const std::string& name : TRY(Names(folder))) {
    const std::string path = folder + "/" + name;
    const bool alive = IsLocked(path);
    const auto text = base::ReadFile(path, size_t{64} << 10);
    if (!text) continue;                   // ended meanwhile
    if (text->empty() && alive) continue;  // about to begin
    auto note = text->empty() ? base::Result<SessionNote>(SessionNote{}) : ParseSession(*text);
    if (!note) {
      return base::Failure(std::move(note.error())
                               .With(path)
                               .WithHint("restore its devices by name, then remove the file"));
    }
    note->path = path;
    note->alive = alive;
    notes.push_back(std::move(*note));
  }
  return notes;
}

base::Status TidySessions(const Journal& journal, const std::vector<PciAddress>& kept) {
  for (const SessionNote& note : TRY(ListSessions(journal))) {
    if (note.alive) continue;
    std::vector<PciAddress> left;
    for (const PciAddress& device : note.devices) {
      const bool is_kept = std::find(kept.begin(), kept.end(), device) != kept.end();
      // A record that cannot be read is kept, for its error.
      const auto record = journal.Find(device);
      if (!is_kept && (!record || *record)) left.push_back(device);
    }
    if (left.empty()) {
      TRY(RemoveRecordFile(note.path));
    } else if (left != note.devices) {
      TRY(StoreRecordFile(note.path, FormatSession(note.pid, left)));
    }
  }
  return {};
}

std::string FormatSession(int pid, const std::vector<PciAddress>& devices) {
  std::string text = fmt::format("{}\n", pid);
  for (const PciAddress& device : devices) text += device.ToString() + "\n";
  return text + base::ChecksumText(text) + "\n";
}

base::Result<SessionNote> ParseSession(std::string_view text) {
  SessionNote note;
  const auto bad = [] {
    return base::Fail(base::Code::kUsage,
                      "not a session that this vassign wrote: damaged or changed by hand");
  };
  auto lines = base::Split(text, '\n');
  if (lines.size() < 3 || !lines.back().empty()) return bad();
  lines.pop_back();
  lines.pop_back();  // the checksum, which the comparison below looks at
  const auto pid = base::ParseDecimal(lines.front(), INT32_MAX);
  if (!pid) return bad();
  note.pid = static_cast<int>(*pid);
  for (const std::string_view line : std::span(lines).subspan(1)) {
    const auto address = PciAddress::Parse(line);
    if (!address) return bad();
    note.devices.push_back(*address);
  }
  if (FormatSession(note.pid, note.devices) != text) return bad();
  return note;
}

}  // namespace sysfs
