/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's harness, with the time that a test has on an emulated, busy debug kernel. */
#ifndef _HOSTMEM_HARNESS_H
#define _HOSTMEM_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

#endif /* _HOSTMEM_HARNESS_H */
