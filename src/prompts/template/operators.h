// What the signs of the language do.
#pragma once
#include "prompts/template/context.h"
#include "prompts/template/program.h"

namespace fairlead::prompts::jinja {

Value add(Context& context, Value a, Value b);
Value arithmetic(Context& context, Operator op, Value a, Value b);
Value negative(Context& context, Value a);
// start, stop, step: integers, none or absent.
Value slice(Context& context, Value object, Value start, Value stop, Value step);

}  // namespace fairlead::prompts::jinja
