#include "sysfs/modules.h"

#include <libkmod.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/kmod_library.h"

namespace sysfs {
namespace {

struct FreeContext {
  void operator()(kmod_ctx* context) const { kmod_unref(context); }
};
struct FreeModule {
  void operator()(kmod_module* module) const { kmod_module_unref(module); }
};
struct FreeList {
  void operator()(kmod_list* list) const { kmod_module_unref_list(list); }
};
using Context = std::unique_ptr<kmod_ctx, FreeContext>;
using Module = std::unique_ptr<kmod_module, FreeModule>;
using List = std::unique_ptr<kmod_list, FreeList>;

// What libkmod would print on standard error is in our own messages.
void Quiet(void* /*data*/, int /*priority*/, const char* /*file*/, int /*line*/,
           const char* /*function*/, const char* /*format*/, va_list /*arguments*/) {}

// Of the configuration, only the soft dependencies that the modules themselves declare.
base::Result<Context> OpenDirectory(const std::string& directory) {
  TRY(KmodLibrary().Load());
  const std::string soft = directory + "/modules.softdep";
  const std::array<const char*, 2> configuration = {soft.c_str(), nullptr};
  Context context(kmod_new(directory.c_str(), configuration.data()));
  if (context == nullptr) return base::FailErrno("open " + directory, errno);
  kmod_set_log_fn(context.get(), Quiet, nullptr);
  if (kmod_load_resources(context.get()) < 0)
    return base::Fail(base::Code::kNotFound, directory + ": no index of kernel modules",
                      "install the kernel's modules, or run depmod for that kernel");
  return context;
}

base::Result<List> Lookup(kmod_ctx* context, std::string_view alias) {
  kmod_list* found = nullptr;
  const int result = kmod_module_new_from_lookup(context, std::string(alias).c_str(), &found);
  if (result < 0 && result != -ENOENT)
    return base::FailErrno("look up module " + base::Quote(alias), -result);
  return List(found);
}

// Adds a module behind everything it needs.
class Order {
 public:
  void Add(kmod_module* module) {
    const std::string name = kmod_module_get_name(module);
    if (!seen_.insert(name).second) return;  // also ends a circle of soft dependencies
    kmod_list* before = nullptr;
    kmod_list* after = nullptr;
    if (kmod_module_get_softdeps(module, &before, &after) == 0) {
      const List owned_before(before);
      const List owned_after(after);
      AddAll(before);
    }
    const List needed(kmod_module_get_dependencies(module));
    AddAll(needed.get());
    const char* path = kmod_module_get_path(module);
    files_.push_back({name, path == nullptr ? "" : path, path == nullptr});
  }

  void AddAll(kmod_list* list) {
    kmod_list* entry = nullptr;
    kmod_list_foreach(entry, list) {
      const Module module(kmod_module_get_module(entry));
      if (module != nullptr) Add(module.get());
    }
  }

  std::vector<ModuleFile> Take() { return std::move(files_); }

 private:
  std::set<std::string> seen_;
  std::vector<ModuleFile> files_;
};

base::Status LoadOne(kmod_module* module, bool ignore_commands) {
  const std::string name = kmod_module_get_name(module);
  const unsigned flags =
      KMOD_PROBE_APPLY_BLACKLIST | (ignore_commands ? unsigned{KMOD_PROBE_IGNORE_COMMAND} : 0);
  const int result =
      kmod_module_probe_insert_module(module, flags, nullptr, nullptr, nullptr, nullptr);
  if (result == 0 || result == -EEXIST) return {};
  if (result == KMOD_PROBE_APPLY_BLACKLIST)
    return base::Fail(base::Code::kUnfit, "module " + name + ": blacklisted on this host",
                      "remove its blacklist line below /etc/modprobe.d");
  auto error = base::FailErrno("load module " + name, -result).value();
  if (error.code() == base::Code::kDenied)
    return base::Failure(std::move(error).WithHint(
        "run as root; /sys/kernel/security/lockdown tells whether the kernel is locked down"));
  return base::Failure(std::move(error).WithHint("the kernel's log says why: dmesg | tail"));
}

}  // namespace

std::string RunningModulesDirectory() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string("/lib/modules/") + name.release : "/lib/modules";
}

base::Result<std::vector<std::string>> AliasesToModules(std::string_view modalias,
                                                        const std::string& modules_dir) {
  const Context context = TRY(OpenDirectory(modules_dir));
  const List found = TRY(Lookup(context.get(), modalias));
  std::vector<std::string> names;
  kmod_list* entry = nullptr;
  kmod_list_foreach(entry, found.get()) {
    const Module module(kmod_module_get_module(entry));
    const std::string name = kmod_module_get_name(module.get());
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void ModuleIndex::Free::operator()(kmod_ctx* context) const { kmod_unref(context); }

base::Result<ModuleIndex> ModuleIndex::Open(const std::string& modules_dir) {
  return ModuleIndex(modules_dir, TRY(OpenDirectory(modules_dir)).release());
}

base::Result<std::vector<ModuleFile>> ModuleIndex::FilesFor(
    std::string_view modalias_or_name) const {
  const List found = TRY(Lookup(context_.get(), modalias_or_name));
  if (found == nullptr)
    return base::Fail(base::Code::kNotFound,
                      directory_ + ": no module for " + base::Quote(modalias_or_name),
                      "install the package that holds this kernel's remaining modules");
  Order order;
  order.AddAll(found.get());
  return order.Take();
}

base::Status Load(const std::string& module, bool ignore_commands) {
  TRY(KmodLibrary().Load());
  const Context context(kmod_new(nullptr, nullptr));
  if (context == nullptr) return base::FailErrno("open the kernel's modules", errno);
  kmod_set_log_fn(context.get(), Quiet, nullptr);
  const List found = TRY(Lookup(context.get(), module));
  if (found == nullptr)
    return base::Fail(base::Code::kNotFound, "module " + module + ": this kernel has none",
                      "install the package with the modules of the running kernel (uname -r)");
  kmod_list* entry = nullptr;
  kmod_list_foreach(entry, found.get()) {
    const Module one(kmod_module_get_module(entry));
    TRY(LoadOne(one.get(), ignore_commands));
  }
  return {};
}

}  // namespace sysfs
