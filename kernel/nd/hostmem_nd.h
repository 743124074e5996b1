/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HOSTMEM_ND_H
#define _HOSTMEM_ND_H

#include <linux/types.h>

#include "../core/hostmem_pmem.h"

struct bus_type;
struct device;

/* namespace.c */
int hostmem_namespace_describe(const struct bus_type *bus, struct device *dev,
			       struct hostmem_pmem *pmem);
bool hostmem_namespace_drives(const struct device *dev);

#endif /* _HOSTMEM_ND_H */
