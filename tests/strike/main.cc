// strike HOW CALL NUMBER FILE REPORT COMMAND [ARGUMENT]...
//
// Runs COMMAND, and everything that it starts; each thread that comes to its NUMBER-th CALL on FILE
// ("-": on any) is struck: HOW is signal=KILL (it dies before the call) or error=ENAME (the call
// fails so). REPORT, a file, then says "struck", and how many such calls a thread made at most.
// Ends as COMMAND ends, with 128 + the signal of a killed one; with 125 when it cannot strike, and
// REPORT stays empty.
#include <seccomp.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "tests/strike/call_files.h"
#include "tests/strike/tracer.h"

namespace {

int ErrorOf(const std::string& how) {
  if (how == "signal=KILL") return 0;
  // ERESTARTSYS and its like follow.
  for (int error = 1; error < 512; ++error) {
    const char* const name = ::strerrorname_np(error);
    if (name != nullptr && how == std::string("error=") + name) return error;
  }
  throw std::runtime_error(how + " is neither signal=KILL nor error= and the name of an error");
}

strike::Strike Read(char** arguments) {
  strike::Strike strike;
  strike.error = ErrorOf(arguments[1]);
  strike.call = ::seccomp_syscall_resolve_name(arguments[2]);
  if (strike.call < 0) throw std::runtime_error(std::string(arguments[2]) + " is no system call");
  char* end = nullptr;
  strike.number = std::strtoul(arguments[3], &end, 10);
  if (*end != '\0' || strike.number == 0) {
    throw std::runtime_error(std::string(arguments[3]) + " is not a number from 1 on");
  }
  if (std::strcmp(arguments[4], "-") == 0) return strike;
  // A descriptor is known by the name without symbolic links.
  strike.names = {arguments[4]};
  std::error_code none;
  const std::filesystem::path real = std::filesystem::canonical(arguments[4], none);
  if (!none) strike.names.push_back(real);
  if (!strike::HasFiles(strike.call)) {
    throw std::runtime_error(std::string("which arguments of ") + arguments[2] +
                             " are files is not known: see call_files.cc");
  }
  return strike;
}

// As execvp(3) finds it.
std::string Find(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = folder + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  throw std::runtime_error(program + " is not in the PATH");
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 7)
    throw std::runtime_error("strike HOW CALL NUMBER FILE REPORT COMMAND [ARGUMENT]...");
  std::vector<std::string> command(arguments + 6, arguments + count);
  command.front() = Find(command.front());
  const strike::Outcome outcome = strike::Run(Read(arguments), command);
  std::ofstream report(arguments[5]);  // now, so that the command does not inherit it
  report << (outcome.struck ? "struck\n" : "not struck\n") << "at most " << outcome.most << "\n";
  report.close();
  if (!report) throw std::runtime_error(std::string(arguments[5]) + " cannot be written");
  return outcome.status;
} catch (const std::exception& error) {
  std::cerr << "strike: " << error.what() << "\n";
  return 125;
}
