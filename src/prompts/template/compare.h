// Truth, equality, order, membership, iteration: as Python has them.
#pragma once
#include <optional>
#include <string_view>

#include "prompts/template/context.h"

namespace fairlead::prompts::jinja {

// All of them: nothing, after context.fail(), for operands that do not have the operation, and for undefined ones.
std::optional<bool> truth(Context& context, Value value);
std::optional<bool> equal(Context& context, Value a, Value b);
// -1, 0, 1; 2 where a float is not a number. `sign` is for the message.
std::optional<int> order(Context& context, Value a, Value b, std::string_view sign = "<");
std::optional<bool> contains(Context& context, Value container, Value item);
std::optional<std::int64_t> length(Context& context, Value value);

// What a for would visit, as a list value: a mapping's keys, a string's characters. Or the error.
Value to_list(Context& context, Value value);

// Mappings. The key must be hashable (dict_put checks). find: null if absent, and if the context has failed.
Dict* make_dict(Context& context);
bool dict_put(Context& context, Dict& dict, Value key, Value value);
const Value* dict_find(Context& context, const Dict& dict, Value key);

}  // namespace fairlead::prompts::jinja
