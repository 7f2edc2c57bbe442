# The programs that try it: five suites, three fuzzers, and what the benchmarks run.

TESTS  := unit loop live vm
SUITES := $(TESTS) page
# What the loop's tests stand on: no BPF, no screen, so a sanitizer build of them is soon done.
LOOP_SRC := $(filter userland/base/% userland/loop/% userland/demo/%,$(LIB_SRC)) userland/tools/demo.cc
# What runs in the guest stands on the live tests' workloads.
VM_SRC := $(wildcard tests/vm/guest/*.cc) $(filter-out %_test.cc,$(wildcard tests/live/*.cc))

.PHONY: test test-vm test-vm-newest test-vm-sanitize test-sanitized fuzz bench build-bench $(SUITES:%=build-%)
test: deps; $(Q)$(MAKE) $(JOBS) build $(patsubst %,build-%,$(or $(ONLY),$(SUITES))) && OUT=$(OUT) tests/run.sh $(or $(ONLY),$(SUITES))
test-vm: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh
# The same on the newest kernel there is, before users have it.
test-vm-newest: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh --newest
# The same on a kernel with KASAN, lockdep and kmemleak, which is built once.
test-vm-sanitize: deps; $(Q)$(MAKE) $(JOBS) build build-vm && OUT=$(OUT) tests/vm/run.sh --sanitize
# The tests that need no kernel probe, for a build with SAN=…
# (AddressSanitizer keeps descriptors of its own: cases that count them, or a terminal's, run without.)
test-sanitized: LEAVE_OUT = $(if $(findstring address,$(SAN)),~"*free descriptors*"~"*fork that fails*"~"in raw mode*")
test-sanitized:; $(Q)$(MAKE) $(JOBS) build-unit build-loop && OUT=$(OUT) LEAVE_OUT='$(LEAVE_OUT)' tests/run.sh unit loop

$(TESTS:%=build-%): build-%: $(OUT)/test-%
build-page: build-unit
define test_program
$(OUT)/test-$(1): $(call obj,tests/main.cc tests/isolation.cc $(if $(filter vm,$(1)),$(VM_SRC),$(wildcard tests/$(1)/*.cc tests/$(1)/examples/*.cc)) $(if $(filter loop,$(1)),$(LOOP_SRC),$(LIB_SRC))) $(LLHTTP) $(OUT)/flags
	$$(call msg,LINK,$$@)
	$$(Q)$$(CXX) $$(ALL_CXXFLAGS) $$(filter %.o,$$^) $$(LDFLAGS) $$(LDLIBS) -o $$@
endef
$(foreach t,$(TESTS),$(eval $(call test_program,$(t))))

# The fuzzers: what a recording goes through on its way to a report, and on its way to the page, to
# lanes, and to a replay's frames; and what is read of a live runtime's memory, whose inputs are
# changes to that. Each has a third of the time; or, with RUNS=N SEED=N, as many runs,
# which are the same ones each time: addresses and the environment have a part in what is tried.
# Needs libclang-rt-N-dev beside clang. What is new to them is kept in .output/fuzz, and so is an
# input that breaks something.
SECONDS ?= 60
FUZZ_ALIKE = $(if $(RUNS),env -i $(shell setarch -R true 2>/dev/null && echo setarch -R))
FUZZ_LENGTH = $(if $(RUNS),-runs=$(RUNS) -seed=$(or $(SEED),1) -reload=0,-max_total_time=$$((($(SECONDS) + 2) / 3)))
FUZZ_FOUND = $(OUT)/fuzz/$(if $(RUNS),runs,corpus)
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all
FUZZED := userland/base/failure.cc userland/base/tcp_socket.cc \
  $(filter-out %/screen/screen.cc,$(filter $(addprefix userland/,trace/% model/% view/% timeline/% play/%),$(LIB_SRC)))
TRACE_SRC := tests/fuzz/trace_fuzz.cc $(FUZZED)
VIEWS_SRC := tests/fuzz/views_fuzz.cc $(FUZZED)

MEMORY_SRC := tests/fuzz/memory_fuzz.cc userland/base/failure.cc $(filter userland/runtime/%,$(LIB_SRC))

$(call note_flags,$(OUT)/fuzz/flags,$(CLANG)++ $(FUZZ_FLAGS))

FUZZ = $(FUZZ_ALIKE) $(OUT)/fuzz/$(1) $(FUZZ_LENGTH) -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
  -verbosity=$(if $(filter 1,$(V)),1,0) -print_final_stats=1 -artifact_prefix=$(OUT)/fuzz/
fuzz: $(OUT)/fuzz/trace $(OUT)/fuzz/views $(OUT)/fuzz/memory
	@rm -rf $(OUT)/fuzz/runs $(OUT)/fuzz/runs-memory && mkdir -p $(FUZZ_FOUND) $(FUZZ_FOUND)-memory
	$(Q)for target in trace views; do \
	  $(call FUZZ,$$target) -max_len=65536 $(FUZZ_FOUND) tests/fuzz/corpus tests/unit/recordings || exit; done
	$(Q)$(call FUZZ,memory) -max_len=1024 -len_control=0 $(FUZZ_FOUND)-memory
$(OUT)/fuzz/trace: $(TRACE_SRC:%.cc=$(OUT)/fuzz/obj/%.o)
$(OUT)/fuzz/views: $(VIEWS_SRC:%.cc=$(OUT)/fuzz/obj/%.o)
$(OUT)/fuzz/memory: $(MEMORY_SRC:%.cc=$(OUT)/fuzz/obj/%.o)
$(OUT)/fuzz/trace $(OUT)/fuzz/views $(OUT)/fuzz/memory:
	$(call msg,LINK,$@)
	$(Q)$(CLANG)++ $(FUZZ_FLAGS) $(filter %.o,$^) $(shell pkg-config --libs fmt zlib) -lZydis -o $@
$(OUT)/fuzz/obj/%.o: %.cc $(OUT)/fuzz/flags | $(OUT)/timeline_page.inc $(OUT)/syscall_names.inc
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(filter ccache,$(CXX)) $(CLANG)++ -std=c++20 -Wall -I. -I$(OUT) -Iuserland -MMD -MP -O2 -g1 $(FUZZ_FLAGS) -c $< -o $@

# The benchmarks, B5's sides of the loop among them; the one on libuv is left out where there is none.
LIBUV := $(shell pkg-config --libs libuv 2>/dev/null)
BENCH := $(patsubst tests/bench/%.cc,$(OUT)/bench-%,$(wildcard tests/bench/*.cc)) \
  $(patsubst tests/bench/b5/%.cc,$(OUT)/b5/%,$(filter-out $(if $(LIBUV),,%/libuv_peer.cc),$(wildcard tests/bench/b5/*.cc)))
build-bench: $(BENCH)
bench: deps; $(Q)$(MAKE) $(JOBS) build build-bench && OUT=$(OUT) tests/bench/run.sh $(ONLY)
$(OUT)/bench-%: tests/bench/%.cc
	$(call msg,BENCH,$@)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $< -o $@ -lutil
$(OUT)/b5/%: $(call obj,tests/bench/b5/%.cc $(filter userland/base/% userland/loop/%,$(LIB_SRC)))
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $^ $(LDFLAGS) -luring $(if $(filter %/libuv_peer,$@),$(LIBUV)) -o $@
