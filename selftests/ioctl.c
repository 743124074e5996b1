// SPDX-License-Identifier: GPL-2.0
#include "kselftest_harness.h"
#include "lib.h"
TEST(x) { hm_create_err(EINVAL, 1); }
TEST_HARNESS_MAIN
