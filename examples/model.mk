# What every example's Makefile includes after it has set NAMES, the names of its TOML files: each goes from its TOML
# file to out/NAME.svg, the disconnectivity graph. BIN: folder of the programs; unset: they are found on the PATH.
# GROW, TREE: options of the folder's own for `llpathsample grow` and `llpathsample tree`.
RUN := $(if $(BIN),$(BIN)/)
OUT := out

.PHONY: all clean
.SECONDARY:
all: $(NAMES:%=$(OUT)/%.svg)

$(OUT)/%.minima.h5: %.toml $(wildcard *.csv *.py)
	mkdir -p $(OUT)
	$(RUN)llgmin run $< -o $@ -f -q

$(OUT)/%.h5: $(OUT)/%.minima.h5
	$(RUN)llpathsample grow $< -o $@ -f -q $(GROW)

$(OUT)/%.svg: $(OUT)/%.h5
	$(RUN)llpathsample tree $< -o $@ -f -q $(TREE)
	$(RUN)llpathsample stats $< -q

clean:
	rm -rf $(OUT)
