# SPDX-License-Identifier: GPL-2.0
# Build, test and install hostmem. "make help" tells the targets.

K ?= 6.1 6.12 debug
B := build
# Whose modules are built and installed: a release, or a kernel as K names it.
KVER ?= $(shell uname -r)

PREFIX ?= /usr/local

all: userspace modules

help:
	@echo 'make [KVER=]          library, command, and modules for the running kernel or KVER'
	@echo 'make modules [KVER=]  modules only'
	@echo 'make install [KVER= PREFIX= DESTDIR=]  both, below $(PREFIX) and /lib'
	@echo 'make uninstall [PREFIX= DESTDIR=]  the reverse, for all kernels'
	@echo 'make deb              packages for Debian 12, into $(B)/deb'
	@echo 'make setup            install from Debian what building and testing need'
	@echo 'make demo             the main job, live, in a test guest'
	@echo 'make check [K= T=]    build, lint, all tests on 6.1, 6.12 and debug; or a part'
	@echo 'make soak [ROUNDS= K= T= PARTS=]  what takes a day: long races, 200 power cuts,'
	@echo '                      every test 20 times on an idle and a busy machine'
	@echo 'make bench            measure against the rivals'
	@echo 'make debug-kernel     build the kernel with KASAN, lockdep and kmemleak'
	@echo 'make ynl              generate the netlink code from its spec'

setup:
	scripts/setup

# What modules are built of, and debian/changelog, which has their version.
module_sources := Kbuild version.mk kernel uapi

# The kernel's build writes beside the sources: give each kernel a tree of links.
define module_tree
	@mkdir -p $(1)
	@find $(1) -type l -delete
	@cp -rs $(addprefix $(CURDIR)/,$(module_sources)) $(1)
	@mkdir -p $(1)/debian
	@ln -s $(CURDIR)/debian/changelog $(1)/debian
endef

modules: modules-$(KVER)

modules-%:
	@scripts/kernel headers $* >/dev/null
	$(call module_tree,$(B)/$*)
	$(MAKE) --no-print-directory -C $$(scripts/kernel headers $*) M=$(CURDIR)/$(B)/$* W=1 modules

debug-kernel:
	scripts/kernel image debug

userspace:
	$(MAKE) --no-print-directory -C userspace

selftests: userspace
	$(MAKE) --no-print-directory -C selftests

# What is booted and run in guests of the kernels K, all at once unless a -j was given.
guest-build: setup
	$(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc)) \
		$(addprefix modules-,$(K)) selftests

demo: K := 6.12
demo:
	@echo 'Setting up and building; output in $(B)/demo.log'
	@mkdir -p $(B)
	@{ scripts/setup && $(MAKE) modules-$(K) selftests; } >$(B)/demo.log 2>&1 || \
		{ tail -n 40 $(B)/demo.log; exit 1; }
	@K=$(K) scripts/demo

check: guest-build
	K="$(K)" T="$(T)" scripts/check

soak: guest-build
	K="$(K)" T="$(T)" ROUNDS="$(ROUNDS)" PARTS="$(PARTS)" scripts/soak

bench: override K := $(filter-out debug,$(K))
bench: guest-build
	for k in $(K); do selftests/bench.sh -k $$k || exit 1; done

install: all install-userspace install-modules

uninstall: uninstall-userspace uninstall-modules

install-userspace uninstall-userspace:
	$(MAKE) --no-print-directory -C userspace $(@:-userspace=) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

install-modules: modules
	release=$$(scripts/kernel release $(KVER)) && \
	install -D -m 644 -t $(DESTDIR)/lib/modules/$$release/updates \
		$(B)/$(KVER)/kernel/core/hostmem.ko $(B)/$(KVER)/kernel/nd/hostmem_nd.ko && \
	{ [ -n "$(DESTDIR)" ] || depmod $$release; }

# Also those for kernels of which nothing else is left. Packages have theirs in updates/dkms.
uninstall-modules:
	for d in $(DESTDIR)/lib/modules/*/updates; do \
		[ -e $$d/hostmem.ko ] || continue; \
		rm -f $$d/hostmem.ko $$d/hostmem_nd.ko || exit 1; \
		rmdir --ignore-fail-on-non-empty $$d; \
		[ -n "$(DESTDIR)" ] || depmod $$(basename $$(dirname $$d)) || exit 1; \
	done

# In a copy: a build of packages leaves much in the tree, and has to begin in a clean one.
deb:
	@command -v dpkg-buildpackage >/dev/null || \
		{ echo 'make deb: no dpkg-buildpackage: as root, apt-get install dpkg-dev' >&2; exit 1; }
	rm -rf $(B)/deb
	mkdir -p $(B)/deb/source
	tar -c --exclude=./$(B) --exclude=./.git . | tar -x -C $(B)/deb/source
	cd $(B)/deb/source && dpkg-buildpackage -us -uc -b

ynl:
	scripts/ynl

clean:
	rm -rf $(B)

.PHONY: all help setup modules guest-build debug-kernel userspace selftests demo check \
	soak bench install uninstall install-userspace uninstall-userspace install-modules \
	uninstall-modules deb ynl clean
