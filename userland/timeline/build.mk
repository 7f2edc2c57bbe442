# The page's parts as strings, without what only their readers here need. All of the program is one.

PAGE_SRC := $(sort $(wildcard userland/timeline/page/*))

$(OUT)/timeline_page.inc: $(PAGE_SRC) userland/timeline/build.mk
	$(call msg,PAGE,$@)
	@mkdir -p $(@D)
	$(Q)string() { printf 'constexpr char timeline_%s[] = R"~~~(' $$1 && shift && sed 's/^ *//;/^\/\//d' "$$@" && printf ')~~~";\n'; } && \
	  { string html $(filter %.html,$(PAGE_SRC)) && string css $(filter %.css,$(PAGE_SRC)) && string boot $(filter %/boot.js,$(PAGE_SRC)) && \
	  string program $(filter-out %/boot.js,$(filter %.js,$(PAGE_SRC))); } > $@
