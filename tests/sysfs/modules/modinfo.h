/* Objects that depmod takes for kernel modules: a .modinfo section, symbols given and needed. */
#define MODINFO(name, text) \
  __attribute__((section(".modinfo"), used)) static const char name[] = text
