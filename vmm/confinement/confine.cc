#include "vmm/confinement/confine.h"

#include <fmt/format.h>
#include <malloc.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "sysfs/base/library.h"

namespace vmm::confinement {
namespace {

// seccomp_api_set(3): filters are loaded by prctl(2), with the actions that every kernel has.
constexpr unsigned kPlainApi = 1;

std::atomic<Mode> the_mode{Mode::kOff};

// Names by number, made before a handler may need them: there, nothing may be allocated.
constexpr size_t kMostCalls = 512;
std::array<const char*, kMostCalls> call_names{};

void NameCalls() {
  for (size_t number = 0; number < kMostCalls; ++number) {
    call_names.at(number) =
        ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
  }
}

size_t Append(std::array<char, 512>& line, size_t at, const char* text) {
  const size_t count = std::min(std::strlen(text), line.size() - 1 - at);
  std::memcpy(line.data() + at, text, count);
  return at + count;
}

// Only async-signal-safe calls, all in the table.
void OnForbiddenCall(int, siginfo_t* info, void*) {
  const auto number = static_cast<size_t>(info->si_syscall);
  const char* const name =
      number < kMostCalls && call_names.at(number) != nullptr ? call_names.at(number) : "unknown";
  // The last byte stays 0: the end of the text.
  std::array<char, 8> digits{};
  size_t place = digits.size() - 1;
  size_t rest = number;
  do {
    digits.at(--place) = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0 && place > 0);
  std::array<char, 17> thread{};
  ::prctl(PR_GET_NAME, thread.data());
  std::array<char, 512> line{};
  size_t end = Append(line, 0, "error: thread ");
  end = Append(line, end, thread.data());
  end = Append(line, end, ": its filter does not allow the system call ");
  end = Append(line, end, name);
  end = Append(line, end, " (");
  end = Append(line, end, digits.data() + place);
  end = Append(line, end,
               ")\n  cure: please report this line; --seccomp log lets such calls through\n");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), end);
  ::raise(SIGABRT);
  ::_exit(1);
}

struct Release {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using Filter = std::unique_ptr<void, Release>;

base::Status Failed(std::string_view what, int result) {
  return base::FailErrno(fmt::format("seccomp filter: {}", what), -result);
}

base::Status AddRule(const Filter& filter, const CallRule& rule) {
  const int number = ::seccomp_syscall_resolve_name(std::string(rule.name).c_str());
  if (number == __NR_SCMP_ERROR)
    return base::Fail(base::Code::kInternal,
                      fmt::format("seccomp filter: {}: no such call", rule.name));
  std::vector<scmp_arg_cmp> arguments;
  for (const ArgumentRule& one : rule.arguments)
    arguments.push_back({one.index, SCMP_CMP_MASKED_EQ, one.mask, one.value});
  const uint32_t action = rule.action == Action::kAllow ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS);
  const int result = ::seccomp_rule_add_array(
      filter.get(), action, number, static_cast<unsigned>(arguments.size()), arguments.data());
  if (result < 0) return Failed(rule.name, result);
  return {};
}

}  // namespace

void SetMode(Mode mode) {
  // An arena of a thread's own reads /proc/sys/vm when it gives memory back; the first one does
  // not.
  if (mode != Mode::kOff) ::mallopt(M_ARENA_MAX, 1);
  if (mode == Mode::kOn) {
    // Unasked, the library would find out by nine calls what else the kernel has. (With a higher
    // level it would not look up the number of seccomp(2), and fail to load.)
    ::seccomp_api_set(kPlainApi);
    NameCalls();
    struct sigaction action {};
    action.sa_sigaction = OnForbiddenCall;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    ::sigaction(SIGSYS, &action, nullptr);
  }
  the_mode.store(mode);
}

base::Status Confine(ThreadKind kind) {
  const Mode mode = the_mode.load();
  if (mode == Mode::kOff) return {};
  if (kind == ThreadKind::kMain || kind == ThreadKind::kManagedMain)
    base::LazyLibrary::StopLoading();
  const Filter filter(::seccomp_init(mode == Mode::kLog ? SCMP_ACT_LOG : SCMP_ACT_TRAP));
  if (!filter) return Failed("begin", -ENOMEM);
  for (const CallRule& rule : AllowedCalls(kind, ::getpid())) TRY(AddRule(filter, rule));
  if (const int result = ::seccomp_load(filter.get()); result < 0) return Failed("load", result);
  return {};
}

}  // namespace vmm::confinement
