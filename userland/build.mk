# The program: how its sources are compiled and linked.

LIBS := libbpf liburing fmt ncursesw libcrypto libelf zlib
# It runs as root and reads what strangers made. Who sets CXXFLAGS, as a distribution does, has its own
# of these; a sanitizer sees what they see, and more.
HARDEN := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS \
  $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
# (-g1: functions and lines. With -g, variables as well, compiling takes a third longer and objects are
# three times as large; for a debugger, CXXFLAGS='-O0 -g'.)
CXXFLAGS ?= $(if $(SAN),-O1 -g1,-O2 -g1 $(HARDEN))
# Node's parser of HTTP: a library, or its C source where that is all there is (Debian 12). Without
# strict mode it lets other bytes pass for the line ends around chunks; the library always is strict.
LLHTTP := $(if $(shell pkg-config --exists libllhttp && echo yes),,$(patsubst /%.c,$(OUT)/obj/%.o,$(wildcard /usr/share/llhttp/*.c)))
LLHTTP_FLAGS := $(if $(LLHTTP),-isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1)
ALL_CXXFLAGS = -std=c++20 -Wall -Wextra -Wshadow -Wno-missing-field-initializers -I. -I$(OUT) -Iuserland \
  -MMD -MP $(CXXFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) -pthread
# It runs as root: no table of addresses can be written once it is linked, which it is at its start.
# That it may lie anywhere (-pie) is the compiler's default. tests/live/hardening_test.cc asks the binary.
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
# What other processes find our loops by (base/published_loop.h).
EXPORTS := -Wl,--export-dynamic-symbol=timeslice_loops
LDLIBS = $(shell pkg-config --libs $(LIBS)) $(if $(LLHTTP),,-lllhttp) -lZydis -pthread
GENERATED := $(SKELS) $(OUT)/syscall_names.inc $(OUT)/timeline_page.inc $(OUT)/lab_files.inc

$(OUT)/timeslice: $(call obj,userland/main.cc $(LIB_SRC)) $(LLHTTP) $(OUT)/flags
	$(call msg,LINK,$@)
	$(Q)$(CXX) $(ALL_CXXFLAGS) $(filter %.o,$^) $(HARDEN_LINK) $(EXPORTS) $(LDFLAGS) $(LDLIBS) -o $@.debug
	$(Q)objcopy --strip-debug --add-gnu-debuglink=$@.debug $@.debug $@

# What a report does ten million times over: a sixth less time than with -O2, and as much again without
# the library's assertions.
HOT := $(addprefix userland/,trace/bundle_reader.cc trace/reader.cc model/history.cc)
HOT_FLAGS := $(if $(SAN),,-O3 -U_GLIBCXX_ASSERTIONS)
$(call obj,$(HOT)): ALL_CXXFLAGS += $(HOT_FLAGS)
# Flags and wiring, which run once: what they include takes longer to optimize than all that they do.
COLD := userland/main.cc $(filter userland/tools/%,$(LIB_SRC)) $(filter tests/%.cc,$(SOURCES))
COLD_FLAGS := $(if $(filter -O2,$(CXXFLAGS)),-O1)
$(call obj,$(COLD)): ALL_CXXFLAGS += $(COLD_FLAGS)
$(call obj,$(filter userland/demo/%,$(LIB_SRC)) $(wildcard tests/loop/demo*.cc)): ALL_CXXFLAGS += $(LLHTTP_FLAGS)

# No number changes by being handed on; and in the loop, a new verb or state is dealt with wherever one
# is told from another.
STRICT := -Werror=conversion -Werror=sign-conversion
STRICT_LOOP := -Werror=switch-enum
$(call obj,userland/main.cc $(LIB_SRC)): ALL_CXXFLAGS += $(STRICT)
$(call obj,$(filter userland/loop/%,$(LIB_SRC))): ALL_CXXFLAGS += $(STRICT_LOOP)

# Other flags, or another compiler, make other objects. The file changes only when they do.
FLAGS_NOW := $(CXX) $(ALL_CXXFLAGS) $(HOT) $(HOT_FLAGS) $(COLD_FLAGS) $(STRICT) $(STRICT_LOOP) $(LLHTTP_FLAGS) $(HARDEN_LINK) $(EXPORTS) $(LDFLAGS) $(LIBS)
note_flags = $(shell mkdir -p $(dir $(1)); printf '%s\n' '$(2)' | cmp -s - $(1) || printf '%s\n' '$(2)' > $(1))
$(call note_flags,$(OUT)/flags,$(FLAGS_NOW))

$(OUT)/obj/%.o: %.cc $(OUT)/flags | $(GENERATED)
	$(call msg,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CXXFLAGS) -c $< -o $@
$(OUT)/obj/usr/share/llhttp/%.o: /usr/share/llhttp/%.c $(OUT)/flags
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -x c $(CXXFLAGS) $(LLHTTP_FLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) -c $< -o $@
