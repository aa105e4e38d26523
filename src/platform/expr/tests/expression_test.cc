#include "platform/expr/expression.h"

#include <gtest/gtest.h>

TEST(Nothing, Yet) {}
