#!/usr/bin/env bash
# The hook of .pre-commit-hooks.yaml: validates the folders of the files that pre-commit names, as
# shards, index and config are right only together. Folders without weights are left out: there a
# config.json is somebody else's.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

folders=()
for file in "$@"; do
  folder="$(dirname -- "$file")"
  for known in ${folders[@]+"${folders[@]}"}; do
    if [[ "$known" == "$folder" ]]; then continue 2; fi
  done
  for weights in "$folder"/*.safetensors; do
    if [[ -e "$weights" ]]; then
      folders+=("$folder")
      break
    fi
  done
done
if ((${#folders[@]} == 0)); then exit 0; fi

deno=(deno)
if ! command -v deno >/dev/null; then deno=(npx -y deno@2.9.6); fi
exec "${deno[@]}" run --no-prompt --allow-read --allow-env --frozen \
  "$root/cli/main.ts" validate -- "${folders[@]}"
