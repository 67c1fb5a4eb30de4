/* The whole public interface. Each header can be read, and included, alone. */
#ifndef HILUM_HILUM_H
#define HILUM_HILUM_H

#include "hilum/baseline.h"
#include "hilum/bench.h"
#include "hilum/context.h"
#include "hilum/conventions.h"
#include "hilum/data.h"
#include "hilum/eval.h"
#include "hilum/geometry.h"
#include "hilum/graph.h"
#include "hilum/masks.h"
#include "hilum/nets.h"
#include "hilum/params.h"
#include "hilum/plan.h"
#include "hilum/plots.h"
#include "hilum/predict.h"
#include "hilum/report.h"
#include "hilum/scan.h"
#include "hilum/statistics.h"
#include "hilum/study.h"
#include "hilum/summary.h"
#include "hilum/train.h"
#include "hilum/volume.h"
#include "hilum/whole.h"

#endif
