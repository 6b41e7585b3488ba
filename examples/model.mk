# What every example's Makefile includes after it has set NAMES, the names of its TOML files: each goes from its TOML
# file to out/NAME.svg, the disconnectivity graph. `make picture` puts that of the first one beside the README, and anew
# those of others that are there.
# BIN: folder of the programs; unset: they are found on the PATH.
# RUN, GROW, TREE: options of the folder's own for `llgmin run`, `llpathsample grow` and `llpathsample tree`.
AT  := $(if $(BIN),$(BIN)/)
OUT := out

.PHONY: all picture clean
.SECONDARY:
all: $(NAMES:%=$(OUT)/%.svg)

$(OUT)/%.minima.h5: %.toml $(wildcard *.csv *.py)
	mkdir -p $(OUT)
	$(AT)llgmin run $< -o $@ -f -q $(RUN) > $(OUT)/$*.txt

$(OUT)/%.h5: $(OUT)/%.minima.h5
	$(AT)llpathsample grow $< -o $@ -f -q $(GROW) > $(OUT)/$*.txt

$(OUT)/%.svg: $(OUT)/%.h5
	$(AT)llpathsample tree $< -o $@ -f -q $(TREE)
	@grep -E '^(file|minima|transition_states|components|lowest_loss)' $(OUT)/$*.txt

picture: all
	cp $(OUT)/$(firstword $(NAMES)).svg tree.svg
	for name in $(NAMES); do test ! -f tree-$$name.svg || cp $(OUT)/$$name.svg tree-$$name.svg; done

clean:
	rm -rf $(OUT)
