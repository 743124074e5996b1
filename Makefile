# SPDX-License-Identifier: GPL-2.0
# Build, test and install hostmem. "make help" tells the targets.

KERNELS := $(shell scripts/kernel list)
K ?= 6.1 6.12 debug
B := build

all: modules userspace

help:
	@echo 'make                  modules for every kernel with headers, library and command'
	@echo 'make setup            install what is missing from Debian'
	@echo 'make modules [KDIR=]  modules only; KDIR: into $(B)/kdir against that kernel'
	@echo 'make install          modules, library, command, header, man pages'
	@echo 'make demo             the main job, live, in a test guest'
	@echo 'make check [K= T=]    build, lint, all tests on 6.1, 6.12 and debug; or a part'
	@echo 'make soak [ROUNDS= K= T= PARTS=]  what takes a day: long races, 200 power cuts,'
	@echo '                      every test 20 times on an idle and a busy machine'
	@echo 'make bench            measure against the rivals'
	@echo 'make debug-kernel     build the kernel with KASAN, lockdep and kmemleak'
	@echo 'make ynl              generate the netlink code from its spec'

setup:
	scripts/setup

# The kernel's build writes beside the sources: give each kernel a tree of links.
define module_tree
	@mkdir -p $(1)
	@find $(1) -type l -delete
	@cp -rs $(CURDIR)/Kbuild $(CURDIR)/kernel $(CURDIR)/uapi $(1)
endef

ifdef KDIR
modules:
	$(call module_tree,$(B)/kdir)
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(B)/kdir W=1 modules
else
modules: $(addprefix modules-,$(KERNELS))
endif

modules-%:
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

PREFIX ?= /usr/local

install:
	$(MAKE) --no-print-directory -C userspace install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)
	install -D -m 644 -t $(DESTDIR)/lib/udev/rules.d userspace/udev/60-hostmem.rules
	install -D -m 644 -t $(DESTDIR)/lib/systemd/system userspace/systemd/dev-hostmem.mount
	for k in $(KERNELS); do \
		release=$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
			$$(scripts/kernel headers $$k)/include/generated/utsrelease.h) && \
		install -D -m 644 -t $(DESTDIR)/lib/modules/$$release/updates \
			$(B)/$$k/kernel/core/hostmem.ko $(B)/$$k/kernel/nd/hostmem_nd.ko && \
		{ [ -n "$(DESTDIR)" ] || depmod $$release; } || exit 1; \
	done

ynl:
	scripts/ynl

clean:
	rm -rf $(B)

.PHONY: all help setup modules guest-build debug-kernel userspace selftests demo check \
	soak bench install ynl clean
