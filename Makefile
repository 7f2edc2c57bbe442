# Timeslice: what the operating system does with your threads.
#
#   make run     install what is missing, build, and show a live process   (APP=node, PID=1234)
#   make test    install what is missing, build, and run every test        (ONLY=unit|loop|live|vm|page)
#   make fuzz    feed made-up recordings to the readers and views   (SECONDS=60)
#   make bench   measure against real peers; see docs/benchmarks.md
#   make kmod    build the module for this kernel, or for the headers in KDIR=; dkms: hand it to DKMS
#   make test-vm-newest  try the newest kernel that Debian's archive has, in a guest
#   make deps | build | install | test-vm | format | check-format | lint | clean
#
# V=1 shows the commands. SAN=address,undefined (or thread) builds beside, in .output/SAN.

SAN   ?=
comma := ,
OUT   := .output$(if $(SAN),/$(subst $(comma),-,$(SAN)))
PREFIX ?= /usr/local
CLANG ?= clang
CXX   := $(if $(filter default,$(origin CXX)),g++,$(CXX))
LIBS  := libbpf liburing fmt ncursesw libcrypto libelf zlib
# It runs as root and reads what strangers made. Who sets CXXFLAGS, as a distribution does, has its own
# of these; a sanitizer sees what they see, and more.
HARDEN := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS \
  $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
CXXFLAGS ?= $(if $(SAN),-O1 -g1,-O2 -g $(HARDEN))
# Node's parser of HTTP: a library, or its C source where that is all there is (Debian 12). Without
# strict mode it lets other bytes pass for the line ends around chunks; the library always is strict.
LLHTTP := $(if $(shell pkg-config --exists libllhttp && echo yes),,$(patsubst /%.c,$(OUT)/obj/%.o,$(wildcard /usr/share/llhttp/*.c)))
LLHTTP_FLAGS := $(if $(LLHTTP),-isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1)
ALL_CXXFLAGS = -std=c++20 -Wall -Wextra -Wshadow -Wno-missing-field-initializers -I. -I$(OUT) -Iuserland \
  -MMD -MP $(CXXFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) -pthread
# It runs as root: no table of addresses can be written once it is linked, which it is at its start.
# That it may lie anywhere (-pie) is the compiler's default. tests/live/hardening_test.cc asks the binary.
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
LDLIBS = $(shell pkg-config --libs $(LIBS)) $(if $(LLHTTP),,-lllhttp) -pthread
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
BPFTOOL := $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)

LIB_SRC := $(filter-out userland/main.cc,$(wildcard userland/*/*.cc))
# What the loop's tests stand on: no BPF, no screen, so a sanitizer build of them is soon done.
LOOP_SRC := $(wildcard userland/base/*.cc userland/loop/*.cc userland/demo/*.cc) userland/tools/demo.cc
BPF_SRC := $(wildcard bpf/*.bpf.c)
SKELS   := $(BPF_SRC:bpf/%.bpf.c=$(OUT)/%.skel.h)
GENERATED := $(SKELS) $(OUT)/syscall_names.inc $(OUT)/timeline_page.inc
PAGE_SRC := $(sort $(wildcard userland/view/timeline/*))
obj = $(1:%.cc=$(OUT)/obj/%.o)
TESTS := unit loop live vm
SUITES := $(TESTS) page
# What runs in the guest stands on the live tests' workloads.
VM_SRC := $(wildcard tests/vm/guest/*.cc) $(filter-out %_test.cc,$(wildcard tests/live/*.cc))
# What a recording goes through on its way to a report, for the fuzzer.
FUZZ_SRC := tests/fuzz/trace_fuzz.cc userland/base/failure.cc $(wildcard userland/trace/*.cc) \
  $(wildcard userland/model/history*.cc) $(addprefix userland/model/,lanes.cc processes.cc report.cc waits.cc) \
  $(addprefix userland/view/,report_csv.cc report_json.cc report_text.cc csv.cc histogram.cc number.cc printable.cc bars.cc canvas.cc columns.cc order.cc)
# And on its way to the page, to lanes, and to a replay's frames.
VIEWS_SRC := tests/fuzz/views_fuzz.cc userland/base/failure.cc $(wildcard userland/trace/*.cc userland/model/*.cc) \
  $(filter-out %/screen.cc,$(wildcard userland/view/*.cc)) $(addprefix userland/tools/,playback.cc recording.cc say.cc)
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all
SECONDS ?= 60
KDIR ?= /lib/modules/$(shell uname -r)/build
BENCH := $(patsubst tests/bench/%.cc,$(OUT)/bench-%,$(wildcard tests/bench/*.cc))
# B5's sides of the loop; the one on libuv is left out where there is none.
LIBUV := $(shell pkg-config --libs libuv 2>/dev/null)
BENCH += $(patsubst tests/bench/b5/%.cc,$(OUT)/b5/%,$(filter-out $(if $(LIBUV),,%/libuv_peer.cc),$(wildcard tests/bench/b5/*.cc)))
SOURCES := $(wildcard bpf/*.[ch] kmod/*.[ch] userland/*.cc userland/*/*.cc userland/*/*.h tests/*.h tests/*.cc tests/*/*.cc tests/*/*.h tests/*/*/*.cc tests/*/*/*.h)

# As many compilers as there are cores, unless whoever called make has said how many.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-7s %s\n' "$(1)" "$(2)";
MAKEFLAGS += --no-print-directory
endif

.PHONY: all build deps deps-build run fuzz test test-vm test-vm-newest test-vm-sanitize test-sanitized bench build-bench kmod dkms install format check-format lint clean $(SUITES:%=build-%)
.DELETE_ON_ERROR:
.SECONDARY:
all: build
build: $(OUT)/timeslice
deps:; $(Q).ci/deps
deps-build:; $(Q).ci/deps build
run: deps-build; $(Q)$(MAKE) $(JOBS) build && userland/run.sh $(OUT)/timeslice
test: deps; $(Q)$(MAKE) $(JOBS) build $(patsubst %,build-%,$(or $(ONLY),$(SUITES))) && OUT=$(OUT) tests/run.sh $(or $(ONLY),$(SUITES))
test-vm: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh
# The same on the newest kernel there is, before users have it.
test-vm-newest: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh --newest
# The same on a kernel with KASAN, lockdep and kmemleak, which is built once.
test-vm-sanitize: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh --sanitize
kmod:; $(Q)kmod/build.sh $(KDIR) $(OUT)
dkms: DKMS = $(DESTDIR)/usr/src/timeslice-1
dkms:; $(Q)install -D -m644 -t $(DKMS)/kmod kmod/*.[ch] kmod/Kbuild && install -D -m644 -t $(DKMS)/bpf bpf/wire.h && \
	  install -m644 kmod/dkms.conf $(DKMS)/dkms.conf
# The tests that need no kernel probe, for a build with SAN=…
# (AddressSanitizer keeps descriptors of its own: cases that count them, or a terminal's, run without.)
test-sanitized: LEAVE_OUT = $(if $(findstring address,$(SAN)),~"*free descriptors*"~"*forked now*"~"in raw mode*")
test-sanitized:; $(Q)$(MAKE) $(JOBS) build-unit build-loop && OUT=$(OUT) LEAVE_OUT='$(LEAVE_OUT)' tests/run.sh unit loop
# Needs libclang-rt-N-dev beside clang. What is new to the fuzzer is kept in .output/fuzz, and so is an
# input that breaks something.
# Half of the time is for reading and the report, half for what else shows a recording.
fuzz: $(OUT)/fuzz/trace $(OUT)/fuzz/views
	@mkdir -p $(OUT)/fuzz/corpus
	$(Q)for target in $^; do $$target -max_total_time=$$((($(SECONDS) + 1) / 2)) -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -max_len=65536 \
	  -verbosity=$(if $(filter 1,$(V)),1,0) -print_final_stats=1 -artifact_prefix=$(OUT)/fuzz/ $(OUT)/fuzz/corpus tests/fuzz/corpus tests/unit/recordings || exit; done
build-bench: $(BENCH)
bench: deps; $(Q)$(MAKE) $(JOBS) build build-bench && OUT=$(OUT) tests/bench/run.sh $(ONLY)
install: build
	$(Q)install -D -m755 $(OUT)/timeslice $(DESTDIR)$(PREFIX)/bin/timeslice
	$(Q)for page in docs/man/*.1; do install -D -m644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/$${page##*/}; done
format:; $(Q)clang-format -i $(SOURCES)
check-format:; $(Q)clang-format --dry-run -Werror $(SOURCES)
lint: $(GENERATED)
	$(Q)printf '%s\n' $(filter userland/%.cc,$(SOURCES)) | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet "$$@" -- \
	  -std=c++20 -I. -I$(OUT) -Iuserland $(LLHTTP_FLAGS) -D_Bool=bool' lint
clean:; $(Q)rm -rf .output

$(OUT)/timeslice: $(call obj,userland/main.cc $(LIB_SRC)) $(LLHTTP)
	$(call msg,LINK,$@)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $^ $(HARDEN_LINK) $(LDFLAGS) $(LDLIBS) -o $@

$(TESTS:%=build-%): build-%: $(OUT)/test-%
build-page: build-unit
define test_program
$(OUT)/test-$(1): $(call obj,tests/main.cc tests/isolation.cc $(if $(filter vm,$(1)),$(VM_SRC),$(wildcard tests/$(1)/*.cc)) $(if $(filter loop,$(1)),$(LOOP_SRC),$(LIB_SRC))) $(LLHTTP)
	$$(call msg,LINK,$$@)
	$$(Q)$$(CXX) $$(ALL_CXXFLAGS) $$^ $$(LDFLAGS) $$(LDLIBS) -o $$@
endef
$(foreach t,$(TESTS),$(eval $(call test_program,$(t))))

$(OUT)/bench-%: tests/bench/%.cc
	$(call msg,BENCH,$@)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $< -o $@ -lutil

$(OUT)/b5/%: $(call obj,tests/bench/b5/%.cc $(wildcard userland/base/*.cc userland/loop/*.cc))
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $^ $(LDFLAGS) -luring $(if $(filter %/libuv_peer,$@),$(LIBUV)) -o $@

$(OUT)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -Wall -Werror -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(shell uname -m)-linux-gnu -c $< -o $@
$(OUT)/%.skel.h: $(OUT)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@
$(OUT)/syscall_names.inc:
	@mkdir -p $(@D)
	$(Q)printf '#include <sys/syscall.h>\n' | $(CXX) -E -dM -x c++ - | sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{\2, "\1"},/p' | sort -t'{' -k2n > $@

# The page's parts as strings, without what only their readers here need. All of the program is one.
$(OUT)/timeline_page.inc: $(PAGE_SRC) Makefile
	$(call msg,PAGE,$@)
	@mkdir -p $(@D)
	$(Q)string() { printf 'constexpr char timeline_%s[] = R"~~~(' $$1 && shift && sed 's/^ *//;/^\/\//d' "$$@" && printf ')~~~";\n'; } && \
	  { string html $(filter %.html,$(PAGE_SRC)) && string css $(filter %.css,$(PAGE_SRC)) && string boot $(filter %/boot.js,$(PAGE_SRC)) && \
	  string program $(filter-out %/boot.js,$(filter %.js,$(PAGE_SRC))); } > $@

# What a report does ten million times over: a sixth less time than with -O2, and as much again without
# the library's assertions.
$(call obj,$(addprefix userland/,trace/bundle_reader.cc trace/reader.cc model/history.cc)): ALL_CXXFLAGS += $(if $(SAN),,-O3 -U_GLIBCXX_ASSERTIONS)
$(call obj,$(wildcard userland/demo/*.cc tests/loop/demo*.cc)): ALL_CXXFLAGS += $(LLHTTP_FLAGS)
$(OUT)/obj/%.o: %.cc Makefile | $(GENERATED)
	$(call msg,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CXXFLAGS) -c $< -o $@
$(OUT)/obj/usr/share/llhttp/%.o: /usr/share/llhttp/%.c
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -x c $(CXXFLAGS) $(LLHTTP_FLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) -c $< -o $@

$(OUT)/fuzz/trace: $(FUZZ_SRC:%.cc=$(OUT)/fuzz/obj/%.o)
$(OUT)/fuzz/views: $(VIEWS_SRC:%.cc=$(OUT)/fuzz/obj/%.o)
$(OUT)/fuzz/trace $(OUT)/fuzz/views:
	$(call msg,LINK,$@)
	$(Q)$(CLANG)++ $(FUZZ_FLAGS) $^ $(shell pkg-config --libs fmt zlib) -o $@
$(OUT)/fuzz/obj/%.o: %.cc Makefile | $(OUT)/timeline_page.inc $(OUT)/syscall_names.inc
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(filter ccache,$(CXX)) $(CLANG)++ -std=c++20 -Wall -I. -I$(OUT) -Iuserland -MMD -MP -O2 -g1 $(FUZZ_FLAGS) -c $< -o $@

-include $(shell find $(OUT)/obj $(OUT)/fuzz -name '*.d' 2>/dev/null)
