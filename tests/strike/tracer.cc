#include "tests/strike/tracer.h"

#include <seccomp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <system_error>

#include "tests/strike/call_files.h"

namespace strike {
namespace {

[[noreturn]] void Fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Its calls of this kind stop for the tracer. Only root may do so without "no new privileges",
// which would make set-user-ID programs below ordinary ones.
bool Filter(long call) {
  void* const context = ::seccomp_init(SCMP_ACT_ALLOW);
  const uint32_t no_new_privileges = ::geteuid() == 0 ? 0 : 1;
  return context != nullptr &&
         ::seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, no_new_privileges) == 0 &&
         ::seccomp_rule_add(context, SCMP_ACT_TRACE(0), static_cast<int>(call), 0) == 0 &&
         ::seccomp_load(context) == 0;
}

[[noreturn]] void Become(long call, const std::vector<std::string>& command, int begin) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): execve does not write to them
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  // The tracer is there when it has closed its end.
  char nothing = 0;
  [[maybe_unused]] const ssize_t end = ::read(begin, &nothing, 1);
  ::close(begin);
  if (Filter(call)) ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

pid_t Start(long call, const std::vector<std::string>& command) {
  std::array<int, 2> begin{};
  if (::pipe(begin.data()) != 0) Fail("pipe");
  const pid_t child = ::fork();
  if (child < 0) Fail("fork");
  if (child == 0) {
    ::close(begin[1]);
    Become(call, command, begin[0]);
  }
  ::close(begin[0]);
  constexpr long kOptions = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                            PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, child, nullptr, kOptions) != 0) Fail("ptrace");
  ::close(begin[1]);
  return child;
}

class Tracer {
 public:
  explicit Tracer(const Strike& strike) : strike_(strike) {}

  // One that has stopped. What it does not take is gone already.
  void OnStop(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) {
      ::ptrace(OnCall(thread), thread, nullptr, nullptr);
      return;
    }
    if (signal == (SIGTRAP | 0x80)) {
      End(thread, strike_.error);
      ::ptrace(PTRACE_CONT, thread, nullptr, nullptr);
      return;
    }
    // ptrace(2), "Group-stop": it stays stopped, but hears the next SIGCONT.
    const bool with_group = event == PTRACE_EVENT_STOP && signal != SIGTRAP;
    ::ptrace(with_group ? PTRACE_LISTEN : PTRACE_CONT, thread, nullptr, event != 0 ? 0L : signal);
  }

  // Its number can be that of another one soon.
  void OnEnd(pid_t thread) { calls_.erase(thread); }

  Outcome outcome;

 private:
  // How it goes on: PTRACE_SYSCALL stops it again when the call has been made. Of no effect on one
  // that is dead.
  __ptrace_request OnCall(pid_t thread) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return PTRACE_CONT;
    if (!strike_.names.empty()) {
      const std::vector<std::string> files = FilesOf(thread, registers);
      if (std::find_first_of(files.begin(), files.end(), strike_.names.begin(),
                             strike_.names.end()) == files.end()) {
        return PTRACE_CONT;
      }
    }
    const unsigned long number = ++calls_[thread];
    outcome.most = std::max(outcome.most, number);
    if (number != strike_.number) return PTRACE_CONT;
    outcome.struck = true;
    if (strike_.error == 0) {
      ::syscall(SYS_tkill, thread, SIGKILL);
      return PTRACE_CONT;
    }
    // close(2): Linux releases the descriptor in any case; an error comes of what is behind it.
    if (strike_.call == SYS_close) return PTRACE_SYSCALL;
    // seccomp(2), SECCOMP_RET_TRACE: a call of number -1 is not made, and what stands here is its
    // result.
    registers.orig_rax = static_cast<unsigned long long>(-1);
    Set(thread, registers, strike_.error);
    return PTRACE_CONT;
  }

  static void End(pid_t thread, int error) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) == 0) Set(thread, registers, error);
  }

  static void Set(pid_t thread, user_regs_struct& registers, int error) {
    registers.rax = static_cast<unsigned long long>(-error);
    if (::ptrace(PTRACE_SETREGS, thread, nullptr, &registers) != 0) Fail("PTRACE_SETREGS");
  }

  const Strike& strike_;
  std::map<pid_t, unsigned long> calls_;
};

}  // namespace

Outcome Run(const Strike& strike, const std::vector<std::string>& command) {
  Tracer tracer(strike);
  const pid_t first = Start(strike.call, command);
  int status = 0;
  pid_t thread = 0;
  while ((thread = ::waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (thread < 0) continue;
    if (WIFSTOPPED(status)) {
      tracer.OnStop(thread, status);
      continue;
    }
    tracer.OnEnd(thread);
    if (thread != first) continue;
    tracer.outcome.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return tracer.outcome;
}

}  // namespace strike
