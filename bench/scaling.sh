#!/bin/sh
# A training step's nanoseconds per pixel over batches (at 256x256) and sizes (at batch 4), least of some steps, as a Markdown table.
#   bench/scaling.sh [NET...]
set -e
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- unet-vgg16 unet-resnet34 linknet-densenet169 linknet-efficientnetb1
cell() { # net size batch steps
    build/hilum bench "$1" --size "$2" --batch "$3" --iters "$4" --json |
        sed -n "s/.*\"ms_per_image_min\":\([0-9.e+-]*\).*/\1/p" | awk -v s="$2" '{ printf " %.0f |", $1 * 1e6 / s / s }'
}
echo '| net | 256, b1 | b2 | b4 | b8 | b16 | b4, 64 | 128 | 256 | 384 | 512 |'
echo '|---|---|---|---|---|---|---|---|---|---|---|'
for net; do
    printf '| %s |' "$net"
    for batch in 1 2 4 8 16; do cell "$net" 256 $batch $((batch > 4 ? 3 : 6)); done
    for size in 64 128 256 384 512; do cell "$net" $size 4 $((size > 256 ? 3 : 8)); done
    echo
done
