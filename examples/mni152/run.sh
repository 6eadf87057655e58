#!/usr/bin/env bash
# From a template of the brain to a report, in a few minutes on a CPU: bash examples/mni152/run.sh [FOLDER]
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
out="${1:-build/demo}"

# Only what an earlier demo made is removed.
if [ -e "$out" ] && [ ! -e "$out/.demo" ]; then
  echo "$out exists and is no earlier demo; name another folder" >&2
  exit 2
fi
rm -rf "$out"
mkdir -p "$out"
touch "$out/.demo"
python "$here/prepare.py" "$out"
autosam train "$out/train" --out "$out/run" --minutes "${MINUTES:-4}" --batch 2 --group '^(block\d+)'
autosam predict "$out/run" "$out/test/images" --out "$out/predictions"
autosam evaluate "$out/run" "$out/test" --out "$out/report" --group '^(block\d+)'
echo "One template brain is a demonstration and no evidence: all slices, trained on or not, are of the same brain."
