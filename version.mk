# SPDX-License-Identifier: GPL-2.0
# The version of everything here is that of the first entry in debian/changelog, without what a
# rebuild of the packages adds to it. Included by the makefiles, Kbuild among them.
version := $(shell sed -n '1s/^hostmem .\([0-9.]*[0-9]\).*/\1/p' \
	$(dir $(lastword $(MAKEFILE_LIST)))debian/changelog)
