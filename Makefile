# Timeslice: what the operating system does with your threads.
#
#   make run     install what is missing, build, and show a live process   (APP=node, PID=1234)
#   make test    install what is missing, build, and run every test        (ONLY=unit|loop|live|vm|page)
#   make fuzz    feed made-up recordings and memory to what reads them   (SECONDS=60)
#   make bench   measure against real peers; see docs/benchmarks.md
#   make kmod    build the module for this kernel, or for the headers in KDIR=; dkms: hand it to DKMS
#   make test-vm-newest  try the newest kernel that Debian's archive has, in a guest
#   make grade       check results of labs, and show who passed what      (FILES="ann/ ben/")
#   make deps | build | install | test-vm | format | check-format | lint | clean
#
# V=1 shows the commands. SAN=address,undefined (or thread) builds beside, in .output/SAN.

SAN   ?=
comma := ,
OUT   := .output$(if $(SAN),/$(subst $(comma),-,$(SAN)))
PREFIX ?= /usr/local
CLANG ?= clang
CXX   := $(if $(filter default,$(origin CXX)),g++,$(CXX))
KDIR  ?= /lib/modules/$(shell uname -r)/build
LIB_SRC := $(sort $(filter-out userland/main.cc,$(shell find userland -name '*.cc')))
SOURCES := $(sort $(shell find bpf kmod userland tests -name '*.[ch]' -o -name '*.cc'))
obj = $(1:%.cc=$(OUT)/obj/%.o)
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))  # unless whoever called make has said

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-7s %s\n' "$(1)" "$(2)";
MAKEFLAGS += --no-print-directory
endif

.PHONY: all build grade deps deps-build run kmod dkms install format check-format lint clean
.DELETE_ON_ERROR:
.SECONDARY:
all: build
build: $(OUT)/timeslice
deps:; $(Q).ci/deps
deps-build:; $(Q).ci/deps build
run: deps-build; $(Q)$(MAKE) $(JOBS) build && userland/run.sh $(OUT)/timeslice
kmod:; $(Q)kmod/build.sh $(KDIR) $(OUT)
dkms: DKMS = $(DESTDIR)/usr/src/timeslice-1
dkms:; $(Q)install -D -m644 -t $(DKMS)/kmod kmod/*.[ch] kmod/Kbuild && install -D -m644 -t $(DKMS)/bpf bpf/wire.h && \
	  install -m644 kmod/dkms.conf $(DKMS)/dkms.conf
grade: build; $(Q)$(OUT)/timeslice lab --grade $(FILES)
install: build
	$(Q)install -D -m755 $(OUT)/timeslice $(DESTDIR)$(PREFIX)/bin/timeslice
	$(Q)for page in docs/man/*.1; do install -D -m644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/$${page##*/}; done
format:; $(Q)clang-format -i $(SOURCES)
check-format:; $(Q)clang-format --dry-run -Werror $(SOURCES)
clean:; $(Q)rm -rf .output

include bpf/build.mk userland/timeline/build.mk userland/labs/build.mk userland/build.mk tests/build.mk
# The rooms' plan first, which is soon seen; then clang-tidy.
LINTED = $(filter userland/%.cc bpf/%.bpf.c,$(SOURCES))
lint: $(GENERATED)
	$(Q).ci/rooms && printf '%s\n' $(LINTED) | FLAGS='-std=c++20 -I. -I$(OUT) -Iuserland $(LLHTTP_FLAGS) -D_Bool=bool' xargs -P 2 -n 4 .ci/tidy

-include $(shell find $(OUT)/obj $(OUT)/fuzz -name '*.d' 2>/dev/null)
