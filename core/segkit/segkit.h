/* Everything an application needs. */
#pragma once

#include <segkit/atomic-file.h>
#include <segkit/describe.h>
#include <segkit/format.h>
#include <segkit/labels.h>
#include <segkit/memory.h>
#include <segkit/model.h>
#include <segkit/parameters.h>
#include <segkit/plan.h>
#include <segkit/pool.h>
#include <segkit/probabilities.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>
#include <segkit/safetensors.h>
#include <segkit/schedule.h>
#include <segkit/tensor.h>
#include <segkit/trainer.h>
#include <segkit/workspace.h>
