/* What max- and average-pooling share: their attributes and shape rule. */
#ifndef HL_OPS_POOL_H
#define HL_OPS_POOL_H

#include "ops/op.h"

bool hl_pool_shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes);
hl_pool hl_pool_geometry(const hl_node *node);
double hl_pool_flops(const hl_step *step); /* an operation a tap */

#endif
