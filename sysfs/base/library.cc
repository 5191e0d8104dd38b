#include "sysfs/base/library.h"

#include <dlfcn.h>

#include <atomic>

namespace base {
namespace {

std::atomic<bool> is_stopped = false;

}  // namespace

Status LazyLibrary::Load() {
  // What is loaded already needs no new mapping.
  const int flags = RTLD_NOW | (is_stopped ? RTLD_NOLOAD : 0);
  if (::dlopen(name_, flags) != nullptr) return {};
  const char* const why = is_stopped ? "not loaded before the process was confined" : ::dlerror();
  return Fail(Code::kUnfit, std::string(name_) + ": " + (why == nullptr ? "not loaded" : why),
              std::string("install the package ") + package_);
}

void* LazyLibrary::FindSymbol(const char* symbol) const {
  void* const library = ::dlopen(name_, RTLD_NOW | RTLD_NOLOAD);
  return library == nullptr ? nullptr : ::dlsym(library, symbol);
}

void LazyLibrary::StopLoading() { is_stopped = true; }

}  // namespace base
