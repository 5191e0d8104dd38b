#include "modinfo.h"

MODINFO(license, "license=GPL");
