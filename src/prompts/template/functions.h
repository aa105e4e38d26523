// The filters, tests, methods and global functions of the language: what they are called and how they are run.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prompts/template/context.h"
#include "prompts/template/text.h"

namespace fairlead::prompts::jinja {

struct Filter {
  std::string_view name;
  Value (*run)(Context& context, Value subject, const Arguments& arguments);
  bool takes_undefined = false;  // else an undefined subject is an error
};

// Gives a boolean, or the error.
struct Test {
  std::string_view name;
  Value (*run)(Context& context, Value subject, const Arguments& arguments);
  bool takes_undefined = false;
};

// Of strings, lists and mappings. `owner`: which.
struct Method {
  std::string_view name;
  Tag owner;
  Value (*run)(Context& context, Value self, const Arguments& arguments);
};

// Places in the tables; -1: no such. A method's place is that of the first of its name.
int find_filter(std::string_view name);
int find_test(std::string_view name);
int find_method(std::string_view name);
// The method of that name (by the place that find_method gave) which values of this kind have, or null.
const Method* method_of(std::size_t place, Tag owner);
std::vector<std::string> filter_names();
std::vector<std::string> test_names();

// What the tables are made of, by the file that has them.
std::span<const Filter> text_filters();
std::span<const Filter> list_filters();
std::span<const Filter> choice_filters();
std::span<const Filter> number_filters();
std::span<const Test> tests();  // sorted by name
std::span<const Method> string_methods();
std::span<const Method> container_methods();

// Runs the filter or the test of that name, for filters that take names: map("upper"), select("defined").
Value run_filter(Context& context, std::size_t place, Value subject, const Arguments& arguments);
Value run_test(Context& context, std::size_t place, Value subject, const Arguments& arguments);

// Puts the arguments in the order of the names; what is not given stays absent. False, with the error set: too many,
// too few (the first `required` have to be there), twice, or unknown.
bool take_arguments(Context& context, std::string_view function, const Arguments& arguments,
                    std::span<const std::string_view> names, std::size_t required, std::span<Value> out);

// A global function's value (range, dict, namespace), or absent.
Value global(std::string_view name);
bool is_global(std::string_view name);

// What a value that is called does: a method bound to its object, or a global function.
struct Bound {
  std::string_view name;
  Value self;
  Value (*run)(Context& context, Value self, const Arguments& arguments);
};

// Typed arguments; false: of another type, with the error set. An absent one leaves `out` as it is.
bool get_integer(Context& context, std::string_view function, std::string_view name, Value value, std::int64_t& out);
bool get_text(Context& context, std::string_view function, std::string_view name, Value value, std::string_view& out);
bool get_flag(Context& context, Value value, bool& out);

// foo.bar and foo["bar"]; undefined where there is no such thing. `method`: what find_method gave, or kNone.
Value attribute_of(Context& context, Value object, std::string_view name, std::uint32_t method);
Value item_of(Context& context, Value object, Value subscript);
// "a.b.0": one after another, as filters take them.
Value path_of(Context& context, Value object, Value path);

// Text that more than one table makes. `side`: where the fill goes.
Value replaced(Context& context, std::string_view text, std::string_view before, std::string_view after,
               std::int64_t count);
Value padded(Context& context, std::string_view text, std::int64_t width, std::string_view fill, Side side);

// "%s" % …, "{}".format(…).
Value format_percent(Context& context, std::string_view format, const Arguments& arguments);
Value format_braces(Context& context, std::string_view format, const Arguments& arguments);

}  // namespace fairlead::prompts::jinja
