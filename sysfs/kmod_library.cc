#include "sysfs/kmod_library.h"

#include <libkmod.h>

namespace sysfs {

base::LazyLibrary& KmodLibrary() {
  static base::LazyLibrary library("libkmod.so.2", "libkmod2");
  return library;
}

}  // namespace sysfs

// The functions of <libkmod.h> that we call.
// NOLINTBEGIN(bugprone-macro-parentheses): types and lists
#define FORWARD(...) FORWARD_TO(sysfs::KmodLibrary(), __VA_ARGS__)

FORWARD(kmod_ctx*, kmod_new, (const char* directory, const char* const* configuration),
        (directory, configuration))
FORWARD(kmod_ctx*, kmod_unref, (kmod_ctx * context), (context))
FORWARD(void, kmod_set_log_fn,
        (kmod_ctx * context,
         void (*log)(void*, int, const char*, int, const char*, const char*, va_list),
         const void* data),
        (context, log, data))
FORWARD(int, kmod_load_resources, (kmod_ctx * context), (context))
FORWARD(kmod_list*, kmod_list_next, (const kmod_list* list, const kmod_list* entry), (list, entry))
FORWARD(int, kmod_module_new_from_lookup, (kmod_ctx * context, const char* alias, kmod_list** list),
        (context, alias, list))
FORWARD(kmod_module*, kmod_module_get_module, (const kmod_list* entry), (entry))
FORWARD(kmod_module*, kmod_module_unref, (kmod_module * module), (module))
FORWARD(int, kmod_module_unref_list, (kmod_list * list), (list))
FORWARD(const char*, kmod_module_get_name, (const kmod_module* module), (module))
FORWARD(const char*, kmod_module_get_path, (const kmod_module* module), (module))
FORWARD(kmod_list*, kmod_module_get_dependencies, (const kmod_module* module), (module))
FORWARD(int, kmod_module_get_softdeps,
        (const kmod_module* module, kmod_list** before, kmod_list** after), (module, before, after))
FORWARD(int, kmod_module_probe_insert_module,
        (kmod_module * module, unsigned flags, const char* options,
         int (*run)(kmod_module*, const char*, void*), const void* data,
         void (*print)(kmod_module*, bool, const char*)),
        (module, flags, options, run, data, print))
// NOLINTEND(bugprone-macro-parentheses)
