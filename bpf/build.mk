# The kernel's side: each program as an object, and as the skeleton that its loader includes.

BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
BPFTOOL  := $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
SKELS    := $(patsubst bpf/%.bpf.c,$(OUT)/%.skel.h,$(wildcard bpf/*.bpf.c))

$(OUT)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -Wall -Werror -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(shell uname -m)-linux-gnu -c $< -o $@
$(OUT)/%.skel.h: $(OUT)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q){ echo '#pragma GCC system_header'; $(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf; } > $@
$(OUT)/syscall_names.inc:
	@mkdir -p $(@D)
	$(Q)printf '#include <sys/syscall.h>\n' | $(CXX) -E -dM -x c++ - | sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{\2, "\1"},/p' | sort -t'{' -k2n > $@
