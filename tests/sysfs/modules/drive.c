#include "modinfo.h"

MODINFO(license, "license=GPL");
MODINFO(alias, "alias=pci:v*d*sv*sd*bc01sc08i02*");
MODINFO(softdep, "softdep=pre: helper");
MODINFO(depends, "depends=core");
extern void core_start(void);
void drive_start(void) { core_start(); }
