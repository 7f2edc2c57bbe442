#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# B10: are all blocks of a live Node found, by their functions, and as long as they were? A script
# blocks in known ways and says so. NODES="path path" for other versions.
. "$(dirname "$0")/lib.sh"
need node || exit 0
echo "### B10: blocks"
echo
echo "\`tests/bench/b10-blocks.sh\`: \`tests/live/js_blocks.js\`, ${ROUNDS:=3} times each kind, 90 ms each"
echo
echo "| Node | thread | blocks of 50 ms and more | found | right function | length error, median (worst tenth) | invented |"
echo "|---|---|---|---|---|---|---|"
for node in ${NODES:-node}; do
  for thread in main worker; do
    node tests/bench/b10/blocks.js "$timeslice" "$node" "$thread" "$ROUNDS"
  done
done
