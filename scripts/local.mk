# scripts: for the source tree, not installed.
EXTRA_DIST += scripts/check-arrows scripts/check-length scripts/compile-commands \
	scripts/format scripts/packages scripts/quickstart \
	scripts/stack.sh scripts/supervise scripts/test .clang-format .clang-tidy .editorconfig .ci/run
