# What each lab's page says, as a string.
LAB_PAGES := $(wildcard userland/labs/*/lab.md)
$(OUT)/lab_pages.inc: $(LAB_PAGES) userland/labs/build.mk
	@mkdir -p $(@D)
	$(Q)for page in $(LAB_PAGES); do slug=$${page%/lab.md}; \
	  printf '{"%s", R"LAB(' "$${slug##*/}"; cat "$$page"; printf ')LAB"},\n'; done >$@
$(call obj,userland/labs/labs.cc): | $(OUT)/lab_pages.inc
