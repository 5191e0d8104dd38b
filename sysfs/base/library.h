// A shared library that few runs need, and that is loaded when the first one does (dlopen(3)).
//
// The dynamic loader takes longer over libcrypto alone, which comes with libkmod and libarchive,
// than most of our commands take for all the rest. Such a library is not linked: functions of its
// names, defined by us, hand their calls on.
#pragma once

#include <string>

#include "sysfs/base/result.h"

namespace base {

class LazyLibrary {
 public:
  // By its soname; `package` has it, for the hint.
  constexpr LazyLibrary(const char* name, const char* package) : name_(name), package_(package) {}

  // It is there after this, for as long as the process lives. kUnfit with the loader's reason when
  // it cannot be. Any thread.
  Status Load();

  // A function of it, which Load() has brought; null when it has none of that name.
  template <typename Function>
  Function* Find(const char* function) const {
    return reinterpret_cast<Function*>(FindSymbol(function));
  }

  // From now on no library is loaded: this process is about to give up the right to map code.
  static void StopLoading();

 private:
  void* FindSymbol(const char* symbol) const;

  const char* name_;
  const char* package_;
};

}  // namespace base

// Defines `function` as one that hands its calls on to the library's function of that name.
#define FORWARD_TO(library, Result, function, parameters, arguments)         \
  extern "C" Result function parameters {                                    \
    static auto* const call = (library).Find<decltype(function)>(#function); \
    return call arguments;                                                   \
  }
