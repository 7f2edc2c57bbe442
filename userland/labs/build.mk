# What a learner reads of each lab, and what Node runs of it, as strings.
LAB_FILES := $(wildcard userland/labs/*/lab.md userland/labs/*/workload.cc userland/labs/*/workload.js)
$(OUT)/lab_files.inc: $(LAB_FILES) userland/labs/build.mk
	@mkdir -p $(@D)
	$(Q)for file in $(LAB_FILES); do \
	  printf '{"%s", R"LAB(' "$${file#userland/labs/}"; cat "$$file"; printf ')LAB"},\n'; done >$@
$(call obj,userland/labs/labs.cc): | $(OUT)/lab_files.inc
