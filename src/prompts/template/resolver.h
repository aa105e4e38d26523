// Names to slots, by Jinja's scopes: a for, a with and a macro have one of their own; an if has none. What is set
// inside stays inside; what is read is the nearest that is set, else the caller's variable.
#pragma once
#include "prompts/template/program.h"

namespace fairlead::prompts::jinja {

// After parsing, once. Fills references, slots, variables and free.
void resolve(Program& program);

}  // namespace fairlead::prompts::jinja
