#include "modinfo.h"

MODINFO(license, "license=GPL");
/* As EXPORT_SYMBOL leaves it: the name in __ksymtab_strings, a symbol __ksymtab_NAME. */
__attribute__((section("__ksymtab_strings"), used)) static const char text[] = "core_start";
__attribute__((used)) const int __ksymtab_core_start = 1;
void core_start(void) {}
