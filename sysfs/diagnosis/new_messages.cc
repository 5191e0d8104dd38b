#include "sysfs/diagnosis/new_messages.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr size_t kLongestRecord = 8192;  // PRINTKRB_RECORD_MAX and more, with what is escaped

class NewMessages {
 public:
  explicit NewMessages(base::Fd log) : log_(std::move(log)) {}

  std::string Read() {
    std::array<char, kLongestRecord> record;
    while (true) {
      const ssize_t size = ::read(log_.raw(), record.data(), record.size());
      // EPIPE: records were overwritten before they could be read; the next ones are there.
      if (size < 0 && (errno == EINTR || errno == EPIPE)) continue;
      if (size <= 0) return text_;
      const auto message = MessageOf({record.data(), static_cast<size_t>(size)});
      if (message) text_ += *message + "\n";
    }
  }

 private:
  base::Fd log_;
  std::string text_;
};

}  // namespace

std::function<std::string()> FollowKernelLog() {
  auto log = base::OpenFile("/dev/kmsg", O_RDONLY | O_NONBLOCK);
  if (!log || ::lseek(log->raw(), 0, SEEK_END) < 0) return {};
  const auto messages = std::make_shared<NewMessages>(std::move(*log));
  return [messages] { return messages->Read(); };
}

std::optional<std::string> MessageOf(std::string_view record) {
  constexpr uint64_t kPrograms = 8;  // the lower three bits are the level, 0 above them the kernel
  const auto level = base::ParseDecimal(record.substr(0, record.find(',')), UINT32_MAX);
  const size_t begin = record.find(';');
  if (!level || *level >= kPrograms || begin == std::string_view::npos) return std::nullopt;
  const std::string_view message = record.substr(begin + 1);
  return std::string(message.substr(0, message.find('\n')));
}

}  // namespace sysfs
