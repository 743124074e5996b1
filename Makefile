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

ynl:
	scripts/ynl

clean:
	rm -rf $(B)

.PHONY: all help setup modules debug-kernel userspace ynl clean
